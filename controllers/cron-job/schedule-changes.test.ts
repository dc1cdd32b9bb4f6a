import { expect, it } from '@jest/globals';
import type { CronJob } from '../../api/batch/v1/cron-job.ts';
import { ScheduleChanges } from './schedule-changes.ts';

const cronJob = (spec: object, uid = 'u1'): CronJob =>
  ({ metadata: { uid }, spec: { schedule: '* * * * *', ...spec } }) as unknown as CronJob;

it('tells since when a CronJob has its schedule and zone', () => {
  const changes = new ScheduleChanges();
  expect(changes.sinceMs('a', cronJob({}), 10)).toBe(-Infinity);
  expect(changes.sinceMs('a', cronJob({ jobTemplate: {} }), 20)).toBe(-Infinity);
  expect(changes.sinceMs('a', cronJob({ schedule: '5 * * * *' }), 30)).toBe(30);
  expect(changes.sinceMs('a', cronJob({ schedule: '5 * * * *' }), 40)).toBe(30);
  expect(changes.sinceMs('a', cronJob({ schedule: '5 * * * *', timeZone: 'Asia/Tokyo' }), 50)).toBe(50);
  expect(changes.sinceMs('b', cronJob({}), 60)).toBe(-Infinity);
});

it('takes one of the same name for another', () => {
  const changes = new ScheduleChanges();
  changes.sinceMs('a', cronJob({}), 10);
  expect(changes.sinceMs('a', cronJob({ schedule: '5 * * * *' }, 'u2'), 20)).toBe(-Infinity);
  changes.forget('a');
  expect(changes.sinceMs('a', cronJob({}, 'u2'), 30)).toBe(-Infinity);
});

it('lets one that was changed while it was suspended catch up', () => {
  const changes = new ScheduleChanges();
  changes.sinceMs('a', cronJob({ suspend: true }), 10);
  changes.sinceMs('a', cronJob({ suspend: true, schedule: '5 * * * *' }), 20);
  expect(changes.sinceMs('a', cronJob({ schedule: '5 * * * *' }), 30)).toBe(-Infinity);
});
