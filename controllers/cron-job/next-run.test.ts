import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSchedule } from '../../api/batch/v1/cron-job/schedule.ts';
import { nextRunOf } from './next-run.ts';
import { formatInZone, offsetMs } from './zone.ts';

const NEW_YORK = 'America/New_York';

function next(after: string, schedule: string, zone: string | undefined = 'UTC'): string | undefined {
  const run = nextRunOf(parseSchedule(schedule), zone)(Date.parse(after));
  return run === undefined ? undefined : formatInZone(zone, run);
}

describe('nextRunOf()', () => {
  it.each([
    ['2012-07-09T14:45:00Z', '0/15 * * * *', '2012-07-09T15:00:00Z'],
    ['2012-07-09T14:59:59Z', '0/15 * * * *', '2012-07-09T15:00:00Z'],
    ['2012-07-09T15:00:00Z', '0/15 * * * *', '2012-07-09T15:15:00Z'],
    ['2012-07-09T15:45:00Z', '20-35/15 * * * *', '2012-07-09T16:20:00Z'],
    ['2012-07-09T23:46:00Z', '*/15 * * * *', '2012-07-10T00:00:00Z'],
    ['2012-07-09T23:35:00Z', '0 0 9 Apr-Oct ?', '2012-08-09T00:00:00Z'],
    ['2012-07-09T23:35:00Z', '0 0 */5 Apr,Aug,Oct Mon', '2012-08-01T00:00:00Z'],
    ['2012-07-09T23:35:00Z', '0 0 */5 Oct Mon', '2012-10-01T00:00:00Z'],
    ['2012-07-09T23:35:00Z', '0 0 * Feb Mon', '2013-02-04T00:00:00Z'],
    ['2012-07-09T23:35:00Z', '0 0 * Feb Mon/2', '2013-02-01T00:00:00Z'],
    ['2012-12-31T23:59:45Z', '* * * * *', '2013-01-01T00:00:00Z'],
    ['2012-07-09T23:35:00Z', '0 0 29 Feb ?', '2016-02-29T00:00:00Z'],
    ['2012-07-09T23:35:00Z', '0 0 30 2 *', undefined],
    ['2012-07-09T23:35:00Z', '0 0 31 Apr ?', undefined],
    ['2012-07-09T23:35:00Z', '59 23 31 2 *', undefined],
    ['2026-07-09T12:00:00Z', '@hourly', '2026-07-09T13:00:00Z'],
    ['2026-07-09T12:00:00Z', '@weekly', '2026-07-12T00:00:00Z'],
    ['2026-07-09T12:00:00Z', '@yearly', '2027-01-01T00:00:00Z'],
    ['2026-07-09T12:00:00.700Z', '@every 90s', '2026-07-09T12:01:30Z'],
    ['2026-07-09T12:00:00Z', '0 0 1-31 * 1', '2026-07-10T00:00:00Z'],
    ['2026-07-09T12:00:00Z', '0 0 13 * 5', '2026-07-10T00:00:00Z'],
    ['2026-07-09T12:00:00Z', '0 0 13 * ?', '2026-07-13T00:00:00Z'],
    ['2062-07-09T12:00:00Z', '0 0 29 2 *', '2064-02-29T00:00:00Z'],
  ])('after %s, %s: %s', (after, schedule, expected) => {
    expect(next(after, schedule)).toBe(expected);
  });

  it.each([
    // What the spring skips does not happen.
    ['2012-03-11T00:00:00-05:00', '30 2 11 Mar ?', NEW_YORK, '2013-03-11T02:30:00-04:00'],
    ['2012-03-11T00:00:00-05:00', '0 * * * *', NEW_YORK, '2012-03-11T01:00:00-05:00'],
    ['2012-03-11T01:00:00-05:00', '0 * * * *', NEW_YORK, '2012-03-11T03:00:00-04:00'],
    ['2012-03-11T03:00:00-04:00', '0 * * * *', NEW_YORK, '2012-03-11T04:00:00-04:00'],
    ['2012-03-11T00:00:00-05:00', '0 1 * * ?', NEW_YORK, '2012-03-11T01:00:00-05:00'],
    ['2012-03-11T01:00:00-05:00', '0 1 * * ?', NEW_YORK, '2012-03-12T01:00:00-04:00'],
    ['2012-03-11T00:00:00-05:00', '0 2 * * ?', NEW_YORK, '2012-03-12T02:00:00-04:00'],
    ['2012-03-11T01:59:59-05:00', '0 3 * * ?', NEW_YORK, '2012-03-11T03:00:00-04:00'],
    // What the autumn repeats happens twice.
    ['2012-11-04T00:00:00-04:00', '30 2 04 Nov ?', NEW_YORK, '2012-11-04T02:30:00-05:00'],
    ['2012-11-04T00:00:00-04:00', '0 1 * * ?', NEW_YORK, '2012-11-04T01:00:00-04:00'],
    ['2012-11-04T01:00:00-04:00', '0 1 * * ?', NEW_YORK, '2012-11-04T01:00:00-05:00'],
    ['2012-11-04T01:00:00-05:00', '0 1 * * ?', NEW_YORK, '2012-11-05T01:00:00-05:00'],
    ['2012-11-04T01:45:00-04:00', '30 1 04 Nov ?', NEW_YORK, '2012-11-04T01:30:00-05:00'],
    ['2012-11-04T01:00:00-04:00', '0 * * * *', NEW_YORK, '2012-11-04T01:00:00-05:00'],
    ['2012-11-04T01:00:00-05:00', '0 * * * *', NEW_YORK, '2012-11-04T02:00:00-05:00'],
    ['2012-11-04T00:00:00-04:00', '0 2 * * ?', NEW_YORK, '2012-11-04T02:00:00-05:00'],
    // Half an hour, midnight that is skipped, a day that is skipped, an hour west of nowhere.
    ['2026-10-04T01:00:00+10:30', '15 2 * * *', 'Australia/Lord_Howe', '2026-10-05T02:15:00+11:00'],
    ['2026-04-05T01:45:00+11:00', '45 1 * * *', 'Australia/Lord_Howe', '2026-04-05T01:45:00+10:30'],
    ['2018-11-03T12:00:00-03:00', '30 0 * * *', 'America/Sao_Paulo', '2018-11-05T00:30:00-02:00'],
    ['2018-10-17T05:05:00-04:00', '0 9 10 * ?', 'America/Sao_Paulo', '2018-11-10T09:00:00-02:00'],
    ['2011-12-29T12:00:00-10:00', '0 9 * * *', 'Pacific/Apia', '2011-12-31T09:00:00+14:00'],
    ['2026-03-29T00:30:00+00:00', '30 1 * * *', 'Europe/London', '2026-03-30T01:30:00+01:00'],
    ['2026-10-25T00:30:00+02:00', '30 2 * * *', 'Europe/Berlin', '2026-10-25T02:30:00+02:00'],
    ['2026-10-25T02:30:00+02:00', '30 2 * * *', 'Europe/Berlin', '2026-10-25T02:30:00+01:00'],
    ['2026-07-01T00:00:00+05:45', '0 6 * * *', 'Asia/Kathmandu', '2026-07-01T06:00:00+05:45'],
  ])('after %s, %s in %s: %s', (after, schedule, zone, expected) => {
    expect(next(after, schedule, zone)).toBe(expected);
  });

  it('goes by the zone in the schedule first', () => {
    const run = nextRunOf(parseSchedule(`TZ=${NEW_YORK} 0 9 * * *`), 'Asia/Tokyo')(Date.parse('2026-01-01T00:00:00Z'));
    expect(new Date(run!).toISOString()).toBe('2026-01-01T14:00:00.000Z');
  });

  it('gives the first minute at which the wall matches, wherever and whenever', () => {
    const zone = fc.constantFrom(
      'UTC',
      NEW_YORK,
      'Europe/Berlin',
      'Australia/Lord_Howe',
      'Africa/Casablanca',
      'Asia/Tehran',
    );
    const field = (max: number): fc.Arbitrary<string> =>
      fc.oneof(fc.constant('*'), fc.integer({ min: 0, max }).map(String), fc.constantFrom('*/7', '*/13'));
    // Around the days on which clocks change.
    const start = fc.constantFrom('2021-03-14', '2021-03-28', '2021-10-31', '2021-11-07', '2021-04-04', '2021-10-03');
    const offset = fc.integer({ min: -40 * 60, max: 20 * 60 });
    fc.assert(
      fc.property(zone, field(59), field(23), start, offset, (inZone, minute, hour, day, minutes) => {
        const schedule = parseSchedule(`${minute} ${hour} * * *`);
        const afterMs = Date.parse(`${day}T12:00:00Z`) + minutes * 60_000 + 1;
        const found = nextRunOf(schedule, inZone)(afterMs);
        if (schedule.type !== 'times') throw new Error('not of times');
        let expected = Math.ceil(afterMs / 60_000) * 60_000;
        for (; ; expected += 60_000) {
          const wall = new Date(expected + offsetMs(inZone, expected));
          if (schedule.minute.values.has(wall.getUTCMinutes()) && schedule.hour.values.has(wall.getUTCHours())) break;
        }
        expect(found).toBe(expected);
      }),
      { numRuns: 150, seed: 2026 },
    );
  });
});
