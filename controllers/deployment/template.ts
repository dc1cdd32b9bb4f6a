/** Comparing and naming pod templates (upstream `pkg/controller/deployment/util/deployment_util.go`, `controller_utils.go` ComputeHash). */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import type { PodTemplateSpec } from '../../api/core/v1/pod.ts';
import { safeEncodeString } from '../../base/random.ts';

export const TEMPLATE_HASH_LABEL = 'pod-template-hash';

/** JSON with sorted keys, without absent values: equal for templates that mean the same. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, item]) => !isEmpty(item))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(',')}}`;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** FNV-1a over 32 bits. */
function fnv32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** The suffix that names a template's ReplicaSet; another `collisionCount` gives another one. */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  const text = canonical(template) + (collisionCount === undefined ? '' : `#${collisionCount}`);
  return textHash(text);
}

/** As it can stand in a name. */
export function textHash(text: string): string {
  return safeEncodeString(String(fnv32(text)));
}

function withoutHash(template: PodTemplateSpec, label: string): unknown {
  const { [label]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** Equal but for the hash label that the controller adds (`EqualIgnoreHash`). */
export function isSameTemplate(a: PodTemplateSpec, b: PodTemplateSpec, label = TEMPLATE_HASH_LABEL): boolean {
  return canonical(withoutHash(a, label)) === canonical(withoutHash(b, label));
}

const createdMs = ({ metadata }: ReplicaSet): number => Date.parse(metadata.creationTimestamp ?? '') || 0;

export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  return createdMs(a) - createdMs(b) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
}

/** The oldest set with the deployment's present template: an earlier version that comes back keeps its set. */
export function findNewReplicaSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byAge).find((set) => isSameTemplate(set.spec.template, deployment.spec.template));
}
