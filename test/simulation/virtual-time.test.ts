import { describe, expect, it } from '@jest/globals';
import { VirtualTime } from './virtual-time.ts';

describe('VirtualTime', () => {
  it('fires timers in order of time, then of setting', async () => {
    const time = new VirtualTime();
    const fired: string[] = [];
    time.setTimeout(() => fired.push('late'), 20);
    time.setTimeout(() => fired.push('first'), 10);
    time.setTimeout(() => fired.push('second'), 10);
    const cancel = time.setTimeout(() => fired.push('never'), 15);
    cancel();
    expect(await time.runUntil({ endMs: 19 })).toBe(true);
    expect(fired).toEqual(['first', 'second']);
    expect(time.elapsedMs).toBe(19);
  });

  it('ends a run that would take more steps than it may', async () => {
    const time = new VirtualTime();
    const again = (): void => void time.setTimeout(again, 0);
    again();
    expect(await time.runUntil({ endMs: 1_000, maxSteps: 100 })).toBe(false);
    expect(time.elapsedMs).toBe(0);
  });
});
