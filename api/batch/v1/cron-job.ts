/** CronJob: makes Jobs at times of the clock (upstream: `pkg/apis/batch/validation/validation.go`, `ValidateCronJob…`). */
import type { V1CronJob, V1CronJobSpec } from '@kubernetes/client-node';
import { warningsForName } from '../../apps/v1/workload/warnings.ts';
import { fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { ObjectMeta, Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { PrinterColumn } from '../../machinery/resource.ts';
import { validateNonNegative } from '../../machinery/validation.ts';
import { ageSince } from '../../machinery/duration.ts';
import { NONE, UNSET, ageColumn, workloadColumns } from '../../table-cells.ts';
import { isTimeZone, parseSchedule } from './cron-job/schedule.ts';
import { defaultJobTemplate, warningsForJobSpec } from './job.ts';
import { validateJobSpecParts } from './job/spec-validation.ts';
import type { JobSpec } from './job/types.ts';

export type CronJobSpec = Omit<Wire<V1CronJobSpec>, 'jobTemplate'> & {
  jobTemplate: { metadata?: ObjectMeta; spec: JobSpec };
};

/** A decoded CronJob: defaulting has seen to it that `spec` is there. */
export type CronJob = Omit<WireObject<V1CronJob>, 'spec'> & { spec: CronJobSpec };

const SPEC = fieldPath('spec');
const JOB_SPEC = SPEC.child('jobTemplate', 'spec');

/** A Job's name has the time of its run behind the CronJob's. */
const MAX_NAME_LENGTH = 52;

const ZONE_IN_SCHEDULE =
  'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see ' +
  'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones for more details';

type WithTemplate = CronJob & { spec: JobSpec };

/** The columns of the pods, which are in the Job's template. */
const podColumns: PrinterColumn<CronJob>[] = workloadColumns<WithTemplate>().map((column) => ({
  ...column,
  cell: (cronJob, nowMs) =>
    column.cell({ ...cronJob, spec: cronJob.spec?.jobTemplate?.spec ?? {} } as unknown as WithTemplate, nowMs),
}));

export const cronJobs = defineResource<CronJob>({
  group: 'batch',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'cronjobs', singular: 'cronjob', kind: 'CronJob', shortNames: ['cj'], categories: ['all'] },
  schema: 'V1CronJob',
  subresources: { status: {} },
  additionalPrinterColumns: [
    { name: 'Schedule', type: 'string', description: 'When Jobs are made', cell: ({ spec }) => spec?.schedule ?? '' },
    { name: 'Timezone', type: 'string', description: 'In whose time', cell: ({ spec }) => spec?.timeZone ?? NONE },
    { name: 'Suspend', type: 'boolean', description: 'Whether it pauses', cell: suspendCell },
    {
      name: 'Active',
      type: 'integer',
      description: 'Jobs that run',
      cell: ({ status }) => status?.active?.length ?? 0,
    },
    {
      name: 'Last Schedule',
      type: 'string',
      description: 'Time since the last Job was made',
      cell: ({ status }, nowMs) => (status?.lastScheduleTime ? ageSince(status.lastScheduleTime, nowMs) : NONE),
    },
    ageColumn(),
    ...podColumns,
  ],
  strategy: {
    default: defaultCronJob,
    prepareForCreate(object) {
      object.status = {};
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? {});
    },
    validate: (cronJob) => [...validateCronJobSpec(cronJob.spec, undefined), ...validateNameLength(cronJob)],
    validateUpdate: (next, previous) => validateCronJobSpec(next.spec, previous.spec),
    warnings: warningsForCronJob,
  },
});

function suspendCell({ spec }: CronJob): string {
  if (spec?.suspend === undefined) return UNSET;
  return spec.suspend ? 'True' : 'False';
}

/** `SetDefaults_CronJob` of `pkg/apis/batch/v1/defaults.go`. A Job's own defaults come when it is made. */
function defaultCronJob(cronJob: CronJob): void {
  const spec = (cronJob.spec ??= {} as CronJobSpec);
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  spec.jobTemplate ??= {} as CronJobSpec['jobTemplate'];
  spec.jobTemplate.metadata ??= {};
  spec.jobTemplate.spec ??= {} as JobSpec;
  defaultJobTemplate(spec.jobTemplate.spec);
}

function validateNameLength({ metadata: { name = '' } }: CronJob): FieldError[] {
  if (name.length <= MAX_NAME_LENGTH) return [];
  return [invalid(fieldPath('metadata', 'name'), name, `must be no more than ${MAX_NAME_LENGTH} characters`)];
}

function validateCronJobSpec(spec: CronJobSpec, previous: CronJobSpec | undefined): FieldError[] {
  const errors = [
    ...validateSchedule(spec, previous),
    ...validateNonNegative(spec.startingDeadlineSeconds, SPEC.child('startingDeadlineSeconds')),
  ];
  if (previous === undefined || previous.timeZone !== spec.timeZone) errors.push(...validateTimeZone(spec.timeZone));
  return [
    ...errors,
    ...validateConcurrency(spec.concurrencyPolicy ?? ''),
    ...validateJobTemplate(spec.jobTemplate.spec),
    ...validateNonNegative(spec.successfulJobsHistoryLimit, SPEC.child('successfulJobsHistoryLimit')),
    ...validateNonNegative(spec.failedJobsHistoryLimit, SPEC.child('failedJobsHistoryLimit')),
  ];
}

/** A zone in the schedule itself is only for those that were stored with one. */
function validateSchedule({ schedule = '', timeZone }: CronJobSpec, previous: CronJobSpec | undefined): FieldError[] {
  const path = SPEC.child('schedule');
  if (schedule === '') return [required(path)];
  const errors: FieldError[] = [];
  try {
    parseSchedule(schedule);
  } catch (error) {
    errors.push(invalid(path, schedule, (error as Error).message));
  }
  if (!schedule.includes('TZ')) return errors;
  if (!(previous?.schedule ?? '').includes('TZ'))
    errors.push(invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (timeZone !== undefined)
    errors.push(invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  return errors;
}

function validateTimeZone(timeZone: string | undefined): FieldError[] {
  const path = SPEC.child('timeZone');
  if (timeZone === undefined) return [];
  if (timeZone === '') return [invalid(path, timeZone, 'timeZone must be nil or non-empty string')];
  const unknown = invalid(path, timeZone, `unknown time zone ${timeZone}`);
  const isOdd = (part: string): boolean =>
    part === '.' || part === '..' || part.startsWith('-') || !/^[A-Za-z.\-_0-9+]{1,14}$/.test(part);
  if (timeZone.split('/').some(isOdd)) return [unknown];
  const errors: FieldError[] = [];
  if (timeZone.toLowerCase() === 'local') {
    const detail = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    errors.push(invalid(path, timeZone, detail));
  }
  return isTimeZone(timeZone) ? errors : [...errors, unknown];
}

const CONCURRENCY_POLICIES = ['Allow', 'Forbid', 'Replace'];

function validateConcurrency(policy: string): FieldError[] {
  const path = SPEC.child('concurrencyPolicy');
  if (policy === '') return [required(path)];
  return CONCURRENCY_POLICIES.includes(policy) ? [] : [notSupported(path, policy, CONCURRENCY_POLICIES)];
}

/** The selector of every Job is made for it. */
function validateJobTemplate(spec: JobSpec): FieldError[] {
  const errors = validateJobSpecParts(spec, JOB_SPEC);
  if (spec.selector)
    errors.push(invalid(JOB_SPEC.child('selector'), spec.selector, '`selector` will be auto-generated'));
  if (spec.manualSelector === true)
    errors.push(notSupported(JOB_SPEC.child('manualSelector'), spec.manualSelector, ['nil', 'false']));
  return errors;
}

function warningsForCronJob({ metadata, spec }: CronJob, previous: CronJob | undefined): string[] {
  if (previous !== undefined && metadata.generation === previous.metadata.generation) return [];
  return [
    ...(previous === undefined ? warningsForName(metadata.name ?? '') : []),
    ...warningsForJobSpec(spec.jobTemplate.spec, JOB_SPEC),
    ...((spec.schedule ?? '').includes('TZ') ? [ZONE_IN_SCHEDULE] : []),
  ];
}
