import { describe, expect, it } from '@jest/globals';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { findViolation } from './run.ts';

/** Runs of about 500 operations. */
const SEEDS = 40;

describe('the watch model finds', () => {
  it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('that %s', async (_, { store, changes }) => {
    const found = await findViolation(SEEDS, {
      makeStore: async () => store(),
      rounds: 80,
      width: 12,
      observers: 9,
      changes,
    });
    expect(found).toBeDefined();
  });
});
