import { describe, expect, it } from '@jest/globals';
import { ageSince, humanDuration, shortHumanDuration } from './duration.ts';

const s = 1000;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;

describe('humanDuration()', () => {
  it.each([
    [-5 * s, '<invalid>'],
    [-1 * s, '0s'],
    [-500, '0s'],
    [0, '0s'],
    [999, '0s'],
    [5 * s, '5s'],
    [119 * s, '119s'],
    [120 * s, '2m'],
    [2 * m + 3 * s, '2m3s'],
    [10 * m + 59 * s, '10m'],
    [179 * m, '179m'],
    [3 * h + 5 * m, '3h5m'],
    [7 * h, '7h'],
    [8 * h + 30 * m, '8h'],
    [47 * h, '47h'],
    [4 * d + 2 * h, '4d2h'],
    [4 * d, '4d'],
    [8 * d + 3 * h, '8d'],
    [729 * d, '729d'],
    [740 * d, '2y10d'],
    [9 * 365 * d, '9y'],
  ])('prints %d ms as %s', (duration, text) => {
    expect(humanDuration(duration)).toBe(text);
  });
});

describe('shortHumanDuration()', () => {
  it.each([
    [59 * s, '59s'],
    [90 * s, '1m'],
    [90 * m, '1h'],
    [49 * h, '2d'],
    [800 * d, '2y'],
  ])('prints %d ms as %s', (duration, text) => {
    expect(shortHumanDuration(duration)).toBe(text);
  });
});

describe('ageSince()', () => {
  it('is <unknown> without a time', () => {
    expect(ageSince(undefined, 0)).toBe('<unknown>');
    expect(ageSince(null, 0)).toBe('<unknown>');
    expect(ageSince('soon', 0)).toBe('<unknown>');
  });
  it('counts from the time to now', () => {
    expect(ageSince('2026-01-01T00:00:00Z', Date.parse('2026-01-01T03:05:00Z'))).toBe('3h5m');
  });
});
