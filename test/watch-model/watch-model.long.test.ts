/**
 * Ten million events: what watches receive and the model checks, counted for each watch (events, initial events and
 * bookmarks). Hundreds of watches share a write, so that the number is reached though etcd commits a few thousand
 * writes a second.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installedEtcd, startEtcd } from '../etcd-process.ts';
import type { EtcdProcess } from '../etcd-process.ts';
import { runDeliveries } from './run.ts';
import type { SeedOptions } from './run.ts';
import { etcdStore, lmdbStore, memoryStore } from './stores.ts';

const TIMEOUT_MS = 600_000;
const BUSY = { rounds: 120, width: 200, observers: 1500 };

async function check(name: string, wanted: number, options: SeedOptions): Promise<void> {
  const totals = await runDeliveries(wanted, 1, options);
  process.stdout.write(`watch model on ${name}: ${JSON.stringify(totals)}\n`);
  expect(totals.deliveries).toBeGreaterThanOrEqual(wanted);
  expect(Math.min(totals.restarts, totals.expirations)).toBeGreaterThan(0);
}

describe('reads and watches over ten million events', () => {
  it(
    'agree with what was acknowledged on memory',
    () =>
      check('memory', 6_000_000, {
        ...BUSY,
        makeStore: async () => memoryStore(),
      }),
    TIMEOUT_MS,
  );

  it(
    'agree with what was acknowledged on lmdb',
    () =>
      check('lmdb', 3_500_000, {
        ...BUSY,
        makeStore: lmdbStore,
      }),
    TIMEOUT_MS,
  );

  it(
    'agree with what was acknowledged on memory in many short runs',
    () =>
      check('memory, short runs', 300_000, {
        rounds: 150,
        width: 10,
        observers: 9,
        makeStore: async () => memoryStore(),
      }),
    TIMEOUT_MS,
  );
});

const etcd = installedEtcd();
const describeEtcd = etcd === undefined ? describe.skip : describe;

describeEtcd(`${etcd === undefined ? '(etcd is missing) ' : ''}reads and watches over etcd`, () => {
  let server: EtcdProcess;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server.stop());

  it(
    'agree with what was acknowledged',
    () =>
      check('etcd', 500_000, {
        ...BUSY,
        makeStore: async () => etcdStore(server.endpoint),
      }),
    TIMEOUT_MS,
  );
});
