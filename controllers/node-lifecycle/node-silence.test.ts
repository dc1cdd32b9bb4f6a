import { describe, expect, it } from '@jest/globals';
import type { NodeSilence } from './node-silence.ts';
import { listenAgain } from './node-silence.ts';

describe('listenAgain()', () => {
  const silenceAfter = (looks: [sign: string, nowMs: number][]): number | undefined =>
    looks.reduce<NodeSilence | undefined>((silence, [sign, nowMs]) => listenAgain(silence, sign, nowMs), undefined)
      ?.silentMs;

  it('counts from the look that found the last sign, whatever time the sign bears', () => {
    expect(silenceAfter([['1970', 1_000_000]])).toBe(0);
    expect(
      silenceAfter([
        ['a', 0],
        ['a', 5_000],
        ['a', 9_000],
      ]),
    ).toBe(9_000);
    expect(
      silenceAfter([
        ['a', 0],
        ['a', 5_000],
        ['b', 9_000],
      ]),
    ).toBe(0);
  });

  it('does not count that it could not look, or that the clock was set', () => {
    expect(
      silenceAfter([
        ['a', 0],
        ['a', 5_000],
        ['a', 3_605_000],
      ]),
    ).toBe(15_000);
    expect(
      silenceAfter([
        ['a', 3_600_000],
        ['a', 0],
        ['a', 5_000],
      ]),
    ).toBe(5_000);
  });
});
