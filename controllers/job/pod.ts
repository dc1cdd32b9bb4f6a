/** The pods of a Job, as it makes them. */
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import {
  COMPLETION_INDEX,
  failuresBefore,
  hasLimitPerIndex,
  ignoredFailuresBefore,
  INDEX_FAILURE_COUNT,
  INDEX_IGNORED_FAILURE_COUNT,
} from './pod-facts.ts';
import { countsAsFailure } from './pod-failure-policy.ts';
import { TRACKING_FINALIZER } from './tracking-finalizer.ts';

type Container = Pod['spec']['containers'][number];

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';
/** Of a generated name, before the random part (`names.MaxGeneratedNameLength`). */
const MAX_PREFIX_LENGTH = 58;

/** `index` is of an indexed Job; `replaced` is the pod whose failures the new one carries on. */
export function podOfJob(job: Job, index: number | undefined, replaced?: Pod): Pod {
  const { metadata = {}, spec } = job.spec.template;
  const finalizers = new Set([...(metadata.finalizers ?? []), TRACKING_FINALIZER]);
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${job.metadata.name}-`,
      namespace: job.metadata.namespace ?? '',
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations },
      finalizers: [...finalizers],
      ownerReferences: [newControllerRef(job, jobs)],
    },
    spec: spec as Pod['spec'],
  };
  return index === undefined ? pod : withIndex(pod, { job, index, replaced });
}

function withIndex(pod: Pod, { job, index, replaced }: { job: Job; index: number; replaced: Pod | undefined }): Pod {
  const { initContainers, containers } = pod.spec;
  const name = job.metadata.name!;
  const value = { [COMPLETION_INDEX]: String(index) };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: indexedPrefix(name, index),
      labels: { ...pod.metadata.labels, ...value },
      annotations: { ...pod.metadata.annotations, ...value, ...failureCounts(job, replaced) },
    },
    spec: {
      ...pod.spec,
      hostname: `${name}-${index}`,
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withIndexVariable) }),
      containers: containers.map(withIndexVariable),
    },
  };
}

/** `NAME-INDEX-`, the name cut so that a random part fits behind it. */
export function indexedPrefix(jobName: string, index: number): string {
  const suffix = `-${index}-`;
  return jobName.slice(0, MAX_PREFIX_LENGTH - suffix.length) + suffix;
}

/** A container that sets the variable itself keeps its own. */
function withIndexVariable(container: Container): Container {
  const env = container.env ?? [];
  if (env.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const fieldPath = `metadata.labels['${COMPLETION_INDEX}']`;
  return { ...container, env: [...env, { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath } } }] };
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (!hasLimitPerIndex(job)) return {};
  if (replaced === undefined) return { [INDEX_FAILURE_COUNT]: '0' };
  const counts = countsAsFailure(job.spec.podFailurePolicy, replaced);
  const failures = failuresBefore(replaced) + (counts ? 1 : 0);
  const ignored = ignoredFailuresBefore(replaced) + (counts ? 0 : 1);
  return {
    [INDEX_FAILURE_COUNT]: String(failures),
    ...(ignored > 0 ? { [INDEX_IGNORED_FAILURE_COUNT]: String(ignored) } : {}),
  };
}
