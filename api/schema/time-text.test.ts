import { describe, expect, it } from '@jest/globals';
import { readTime } from './time-text.ts';

describe('readTime()', () => {
  it.each([
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:05.999999Z', '2024-01-02T03:04:05Z'],
    ['2024-12-31T23:30:00-01:30', '2025-01-01T01:00:00Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['2024-02-29T00:00:00+00:00', '2024-02-29T00:00:00Z'],
  ])('%s', (text, expected) => expect(readTime(text)).toEqual({ text: expected }));

  it('keeps microseconds where they belong', () => {
    expect(readTime('2024-01-02T03:04:05.000001+01:00', true)).toEqual({ text: '2024-01-02T02:04:05.000001Z' });
    expect(readTime('2024-01-02T03:04:05Z', true)).toEqual({
      error: 'parsing time "2024-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    });
  });

  it.each([
    ['', 'parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'],
    ['2024-01-02', 'parsing time "2024-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'],
    [
      '2024-01-02T03:04:05',
      'parsing time "2024-01-02T03:04:05" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"',
    ],
    ['2024-13-02T03:04:05Z', 'parsing time "2024-13-02T03:04:05Z": month out of range'],
    ['2023-02-29T03:04:05Z', 'parsing time "2023-02-29T03:04:05Z": day out of range'],
    ['2024-01-02T25:04:05Z', 'parsing time "2024-01-02T25:04:05Z": hour out of range'],
    ['2024-01-02T03:04:05Zz', 'parsing time "2024-01-02T03:04:05Zz": extra text: "z"'],
  ])('%j', (text, error) => expect(readTime(text)).toEqual({ error }));
});
