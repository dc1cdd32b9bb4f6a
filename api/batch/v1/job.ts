/** Job: pods that run until enough of them have succeeded (upstream: `pkg/registry/batch/job/strategy.go`). */
import { warningsForName } from '../../apps/v1/workload/warnings.ts';
import { defaultPodTemplate } from '../../core/v1/pod/defaults.ts';
import { warningsForPodTemplate } from '../../core/v1/pod/warnings.ts';
import { fieldPath, invalid } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { defineResource } from '../../machinery/resource.ts';
import { isDns1123Label } from '../../machinery/validation.ts';
import { jobColumns } from './job/columns.ts';
import { generateSelector, hasPrefixedLabels, validateGeneratedSelector, validateJobSelector } from './job/selector.ts';
import { MANY_COMPLETIONS, validateJobSpecParts } from './job/spec-validation.ts';
import { validateJobStatusUpdate } from './job/status-validation.ts';
import { isIndexed } from './job/types.ts';
import type { Job, JobSpec } from './job/types.ts';
import { validateJobSpecUpdate } from './job/update-validation.ts';

export type { Job, JobSpec, JobStatus } from './job/types.ts';

const SPEC = fieldPath('spec');
const MAX_INT32 = 2 ** 31 - 1;
const MANY_PODS_AT_ONCE = 10_000;

const ORPHANS_WARNING =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them ' +
  'or set propagationPolicy=Orphan to suppress this warning';

export const jobs = defineResource<Job>({
  group: 'batch',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'jobs', singular: 'job', kind: 'Job', categories: ['all'] },
  schema: 'V1Job',
  subresources: { status: {} },
  additionalPrinterColumns: jobColumns,
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  strategy: {
    default: defaultJob,
    prepareForCreate(job) {
      generateSelector(job);
      // Upstream's defaults come again when a stored Job is read, and find the labels of its pods.
      defaultLabels(job);
      job.status = {};
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? {});
    },
    validate: (job) => validateJob(job, true),
    validateUpdate: (next, previous) => [
      ...validateJob(next, hasPrefixedLabels(previous.spec)),
      ...validateJobSpecUpdate(next, previous),
    ],
    warnings: warningsForJob,
    status: { validateUpdate: validateJobStatusUpdate },
    orphansDependents: { warning: ORPHANS_WARNING },
  },
});

/** `SetDefaults_Job` of `pkg/apis/batch/v1/defaults.go`. */
function defaultJob(job: Job): void {
  const spec = (job.spec ??= {} as JobSpec);
  defaultJobTemplate(spec);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32;
  defaultLabels(job);
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
}

/** A Job without labels has those of its pods. */
function defaultLabels({ metadata, spec }: Job): void {
  const { labels } = spec.template.metadata ?? {};
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

/** The part of the defaults that a Job in a CronJob's template has, too. */
export function defaultJobTemplate(spec: JobSpec): void {
  spec.template ??= { metadata: {}, spec: { containers: [] } };
  defaultPodTemplate(spec.template);
  for (const { onPodConditions = [] } of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of onPodConditions) pattern.status ||= 'True';
  }
}

function validateJob(job: Job, wantsPrefixedLabels: boolean): FieldError[] {
  return [
    ...validateGeneratedSelector(job, wantsPrefixedLabels),
    ...validateJobSpecParts(job.spec, SPEC),
    ...validateJobSelector(job.spec),
    ...validateHostnames(job),
  ];
}

/** The pods of an indexed Job have their index in the host's name. */
function validateHostnames({ metadata, spec }: Job): FieldError[] {
  if (!isIndexed(spec) || spec.completions === undefined || spec.completions <= 0) return [];
  const { name = '' } = metadata;
  const longest = `${name}-${spec.completions - 1}`;
  if (isDns1123Label(longest).length === 0) return [];
  const detail = `will not able to create pod with invalid DNS label: ${longest}`;
  return [invalid(fieldPath('metadata', 'name'), name, detail)];
}

function warningsForJob({ metadata, spec }: Job, previous: Job | undefined): string[] {
  if (previous !== undefined)
    return metadata.generation === previous.metadata.generation ? [] : warningsForJobSpec(spec, SPEC);
  return [...warningsForName(metadata.name ?? ''), ...warningsForJobSpec(spec, SPEC)];
}

/** `pkg/api/job/warnings.go` */
export function warningsForJobSpec(spec: JobSpec, path: FieldPath): string[] {
  const isHuge = (spec.completions ?? 0) > MANY_COMPLETIONS && (spec.parallelism ?? 0) > MANY_PODS_AT_ONCE;
  const text =
    'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, ' +
    'Kubernetes might not be able to track completedIndexes when a big number of indexes fail';
  return [
    ...(isIndexed(spec) && isHuge ? [`${path.toString()}: ${text}`] : []),
    ...warningsForPodTemplate(spec.template, path.child('template')),
  ];
}
