import { describe, expect, it } from '@jest/globals';
import { isTimeZone, parseSchedule } from './schedule.ts';

const fieldsOf = (text: string): Record<string, unknown> => {
  const schedule = parseSchedule(text);
  if (schedule.type !== 'times') return schedule;
  const { type: _type, timeZone, ...fields } = schedule;
  const lists = Object.entries(fields).map(([name, { values, isAny }]) => [name, isAny ? '*' : [...values].join()]);
  return { ...Object.fromEntries(lists), ...(timeZone === undefined ? {} : { timeZone }) };
};

describe('parseSchedule()', () => {
  it.each([
    ['*/15 0-3 ? * *', { minute: '0,15,30,45', hour: '0,1,2,3', dayOfMonth: '*', month: '*', dayOfWeek: '*' }],
    ['5/20 4 1,15 JAN-mar Sun', { minute: '5,25,45', hour: '4', dayOfMonth: '1,15', month: '1,2,3', dayOfWeek: '0' }],
    ['10-20/5 0 1 1 6', { minute: '10,15,20', hour: '0', dayOfMonth: '1', month: '1', dayOfWeek: '6' }],
    ['*/1 0 1 1 *', { minute: '*', hour: '0', dayOfMonth: '1', month: '1', dayOfWeek: '*' }],
    ['@hourly', { minute: '0', hour: '*', dayOfMonth: '*', month: '*', dayOfWeek: '*' }],
    ['@weekly', { minute: '0', hour: '0', dayOfMonth: '*', month: '*', dayOfWeek: '0' }],
    [
      'CRON_TZ=Asia/Tokyo  0 6 * * ?',
      { minute: '0', hour: '6', dayOfMonth: '*', month: '*', dayOfWeek: '*', timeZone: 'Asia/Tokyo' },
    ],
    ['@every 1h30m10s', { type: 'every', periodSeconds: 5410 }],
    ['@every 1.5h', { type: 'every', periodSeconds: 5400 }],
    ['@every 10ms', { type: 'every', periodSeconds: 1 }],
  ])('reads %s', (text, expected) => {
    expect(fieldsOf(text)).toEqual(expected);
  });

  it.each([
    ['', 'empty spec string'],
    ['error', 'expected exactly 5 fields, found 1: [error]'],
    ['* * * * * *', 'expected exactly 5 fields, found 6: [* * * * * *]'],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['* 24 * * *', 'end of range (24) above maximum (23): 24'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['* * * 13 *', 'end of range (13) above maximum (12): 13'],
    ['* * * * 7', 'end of range (7) above maximum (6): 7'],
    ['5-2 * * * *', 'beginning of range (5) beyond end of range (2): 5-2'],
    ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
    ['*/1/2 * * * *', 'too many slashes: */1/2'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['a * * * *', 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'],
    ['*/-5 * * * *', 'negative number (-5) not allowed: -5'],
    [
      '99999999999999999999 * * * *',
      'failed to parse int from 99999999999999999999: strconv.Atoi: parsing "99999999999999999999": value out of range',
    ],
    ['@often', 'unrecognized descriptor: @often'],
    ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
    ['@every 5', 'failed to parse duration @every 5: time: missing unit in duration "5"'],
    ['@every 5d', 'failed to parse duration @every 5d: time: unknown unit "d" in duration "5d"'],
    ['TZ=Nowhere 0 0 * * *', 'provided bad location Nowhere: unknown time zone Nowhere'],
    ['TZ=UTC', 'expected exactly 5 fields, found 0: []'],
  ])('refuses %j', (text, message) => {
    expect(() => parseSchedule(text)).toThrow(new Error(message));
  });
});

it('isTimeZone() knows names as the database spells them', () => {
  for (const name of ['UTC', 'Europe/Berlin', 'Etc/GMT+5', 'America/Port-au-Prince'])
    expect(isTimeZone(name)).toBe(true);
  for (const name of ['europe/berlin', 'Europe/Nowhere', '+0100', '-03']) expect(isTimeZone(name)).toBe(false);
});
