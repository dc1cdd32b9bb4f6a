import { describe, expect, it } from '@jest/globals';
import { runDeliveries } from './run.ts';
import { lmdbStore, memoryStore } from './stores.ts';

const TIMEOUT_MS = 60_000;

// Everything that a run does is made from its seed: `runSeed(seed, options)` repeats one.
describe('reads and watches of two API servers over one store', () => {
  it(
    'agree with the history of what was acknowledged, on memory',
    async () => {
      const options = { makeStore: async () => memoryStore(), rounds: 120, width: 12, observers: 9 };
      const { restarts, expirations } = await runDeliveries(25_000, 1, options);
      expect({ restarts, expirations }).not.toMatchObject({ restarts: 0, expirations: 0 });
    },
    TIMEOUT_MS,
  );

  it(
    'agree with the history of what was acknowledged, on lmdb',
    async () => {
      const options = { makeStore: lmdbStore, rounds: 120, width: 12, observers: 9 };
      const { restarts, expirations } = await runDeliveries(8_000, 1, options);
      expect({ restarts, expirations }).not.toMatchObject({ restarts: 0, expirations: 0 });
    },
    TIMEOUT_MS,
  );
});
