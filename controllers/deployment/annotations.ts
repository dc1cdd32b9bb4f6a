/** What a Deployment writes on its ReplicaSets beside the template (upstream `deployment_util.go` SetNewReplicaSetAnnotations). */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { maxSurgeOf } from './bounds.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
const MAX_HISTORY_LENGTH = 2000;

const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

type Annotations = Record<string, string>;

const MAX_INT64 = 2n ** 63n - 1n;

/** 64 bits, as upstream counts them; 0 where the annotation is missing or no such number. */
export function revisionOf(object: { metadata: { annotations?: Annotations } }): bigint {
  const text = object.metadata.annotations?.[REVISION] ?? '';
  if (!/^\d{1,19}$/.test(text)) return 0n;
  const revision = BigInt(text);
  return revision > MAX_INT64 ? 0n : revision;
}

export function maxRevision(sets: readonly ReplicaSet[]): bigint {
  return sets.map(revisionOf).reduce((most, one) => (one > most ? one : most), 0n);
}

function historyWith(history: string, previous: bigint): string {
  const entries = [...history.split(',').filter((entry) => entry !== ''), String(previous)];
  while (entries.join(',').length > MAX_HISTORY_LENGTH) entries.shift();
  return entries.join(',');
}

/** The annotations that the newest set shall carry. */
export function newSetAnnotations(
  deployment: Deployment,
  set: ReplicaSet,
  { revision, exists }: { revision: bigint; exists: boolean },
): Annotations {
  const annotations: Annotations = { ...set.metadata.annotations };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(name)) annotations[name] = value;
  }
  const previous = revisionOf(set);
  if (previous < revision) {
    annotations[REVISION] = String(revision);
    if (previous > 0n) annotations[REVISION_HISTORY] = historyWith(annotations[REVISION_HISTORY] ?? '', previous);
  }
  return exists ? annotations : { ...annotations, ...replicaAnnotations(deployment) };
}

/** What the set was last sized for: proportional scaling starts from it. */
export function replicaAnnotations(deployment: Deployment): Annotations {
  const replicas = deployment.spec.replicas ?? 1;
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + maxSurgeOf(deployment)) };
}

/** Undefined where the annotation is missing or no number. */
export function readNumber(set: ReplicaSet, name: string): number | undefined {
  const text = set.metadata.annotations?.[name] ?? '';
  return /^[-+]?\d{1,10}$/.test(text) ? Number(text) : undefined;
}

export function isSameAnnotations(a: Annotations | undefined, b: Annotations | undefined): boolean {
  const left = Object.entries(a ?? {});
  return left.length === Object.keys(b ?? {}).length && left.every(([name, value]) => b?.[name] === value);
}
