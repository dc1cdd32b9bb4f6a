import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../client/manual-clock.ts';
import { RevisionWaiters } from './revision-waiters.ts';

describe('RevisionWaiters', () => {
  it('lets go of whom the revision has reached', async () => {
    const waiters = new RevisionWaiters(new ManualClock());
    const early = waiters.wait(5, 3_000);
    const late = waiters.wait(7, 3_000);
    waiters.reached(6);
    expect(await early).toBe(true);
    expect(waiters.size).toBe(1);
    waiters.reached(7);
    expect(await late).toBe(true);
    expect(waiters.size).toBe(0);
  });

  it('keeps nothing of a wait for what never comes', async () => {
    const clock = new ManualClock();
    const waiters = new RevisionWaiters(clock);
    const wait = waiters.wait(Number.MAX_SAFE_INTEGER, 3_000);
    clock.advance(3_000);
    expect(await wait).toBe(false);
    expect(waiters.size).toBe(0);
  });
});
