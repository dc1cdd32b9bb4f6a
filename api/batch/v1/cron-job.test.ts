import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import { cronJobs } from './cron-job.ts';
import type { CronJob, CronJobSpec } from './cron-job.ts';

const { strategy } = cronJobs;

function decoded(change: (spec: CronJobSpec) => void = () => undefined): CronJob {
  const cronJob = parse(`
    apiVersion: batch/v1
    kind: CronJob
    metadata: {name: backup, namespace: default}
    spec:
      schedule: "*/5 * * * ?"
      jobTemplate:
        spec:
          template:
            spec:
              restartPolicy: OnFailure
              containers: [{name: c, image: "backup:1"}]`) as CronJob;
  change(cronJob.spec);
  strategy.default!(cronJob);
  return cronJob;
}

const errorsOf = (change: (spec: CronJobSpec) => void): string[] =>
  strategy.validate!(decoded(change)).map(formatFieldError);

it('default() fills in what upstream fills in, and leaves the Job to its making', () => {
  const { spec } = decoded();
  expect(spec).toMatchObject({
    concurrencyPolicy: 'Allow',
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
    jobTemplate: { spec: { template: { spec: { dnsPolicy: 'ClusterFirst' } } } },
  });
  expect(spec.jobTemplate.spec).not.toHaveProperty('backoffLimit');
});

describe('validate()', () => {
  it('passes the usual CronJob', () => {
    expect(errorsOf(() => undefined)).toEqual([]);
    expect(errorsOf((s) => (s.timeZone = 'Europe/Berlin'))).toEqual([]);
  });

  it.each<[string, (spec: CronJobSpec) => void, string]>([
    ['no schedule', (s) => (s.schedule = ''), 'spec.schedule: Required value'],
    [
      'an odd schedule',
      (s) => (s.schedule = 'error'),
      'spec.schedule: Invalid value: "error": expected exactly 5 fields, found 1: [error]',
    ],
    [
      'a zone in the schedule',
      (s) => (s.schedule = 'TZ=UTC 0 * * * *'),
      'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
    [
      'an empty zone',
      (s) => (s.timeZone = ''),
      'spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string',
    ],
    [
      'the zone of the machine',
      (s) => (s.timeZone = 'Local'),
      'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    ],
    [
      'a zone that is not',
      (s) => (s.timeZone = 'Continent/Zone'),
      'spec.timeZone: Invalid value: "Continent/Zone": unknown time zone Continent/Zone',
    ],
    ['a path', (s) => (s.timeZone = '../x'), 'spec.timeZone: Invalid value: "../x": unknown time zone ../x'],
    [
      'another policy',
      (s) => (s.concurrencyPolicy = 'Odd'),
      'spec.concurrencyPolicy: Unsupported value: "Odd": supported values: "Allow", "Forbid", "Replace"',
    ],
    [
      'a selector',
      (s) => (s.jobTemplate.spec.selector = { matchLabels: { a: 'b' } }),
      'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
    ],
    [
      'a selector by hand',
      (s) => (s.jobTemplate.spec.manualSelector = true),
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ],
    [
      'pods that restart for ever',
      (s) => (s.jobTemplate.spec.template.spec.restartPolicy = 'Always'),
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      'a negative limit',
      (s) => (s.failedJobsHistoryLimit = -1),
      'spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
  ])('refuses %s', (_name, change, message) => {
    expect(errorsOf(change)).toContain(message);
  });

  it('leaves room for the time in the names of Jobs', () => {
    const cronJob = decoded();
    cronJob.metadata.name = 'x'.repeat(53);
    expect(strategy.validate!(cronJob).map(formatFieldError)).toEqual([
      `metadata.name: Invalid value: "${'x'.repeat(53)}": must be no more than 52 characters`,
    ]);
    expect(strategy.validateUpdate!(cronJob, cronJob)).toEqual([]);
  });

  it('lets a zone be that was stored in a schedule, but not beside the field', () => {
    const stored = decoded((s) => (s.schedule = 'TZ=UTC 0 * * * *'));
    expect(strategy.validateUpdate!(stored, stored)).toEqual([]);
    const both = structuredClone(stored);
    both.spec.timeZone = 'UTC';
    expect(strategy.validateUpdate!(both, stored).map(formatFieldError)).toEqual([
      'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule',
    ]);
  });
});

it('warns of zones in schedules', () => {
  expect(strategy.warnings!(decoded(), undefined)).toEqual([]);
  expect(
    strategy.warnings!(
      decoded((s) => (s.schedule = 'TZ=UTC 0 * * * *')),
      undefined,
    ),
  ).toEqual([
    'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones for more details',
  ]);
});

it('columns are those of kubectl', () => {
  const cronJob = decoded();
  cronJob.status = { active: [{ name: 'a' }], lastScheduleTime: '2026-01-01T00:00:00Z' };
  const nowMs = Date.parse('2026-01-01T00:01:30Z');
  expect(cronJobs.additionalPrinterColumns.map(({ name, cell }) => [name, cell(cronJob, nowMs)])).toEqual([
    ['Schedule', '*/5 * * * ?'],
    ['Timezone', '<none>'],
    ['Suspend', 'False'],
    ['Active', 1],
    ['Last Schedule', '90s'],
    ['Age', '<unknown>'],
    ['Containers', 'c'],
    ['Images', 'backup:1'],
    ['Selector', '<none>'],
  ]);
});
