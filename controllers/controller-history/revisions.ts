/**
 * ControllerRevisions as data: what is remembered of a workload, under which name, and which of them can be forgotten
 * (upstream `pkg/controller/history/controller_history.go`, `getPatch` of StatefulSets and DaemonSets).
 */
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import type { PodTemplateSpec } from '../../api/core/v1/pod.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { safeEncodeString } from '../../base/random.ts';

/** On revisions of StatefulSets: the hash at the end of their names. */
export const REVISION_HASH_LABEL = 'controller.kubernetes.io/hash';

/** On pods of StatefulSets and DaemonSets: which revision they were made from. */
export const POD_REVISION_LABEL = 'controller-revision-hash';

/** The strategic merge patch that gives a workload this template back; `kubectl rollout undo` sends it as it is. */
export function templatePatch(template: PodTemplateSpec): unknown {
  return sortKeys({ spec: { template: { ...template, $patch: 'replace' } } });
}

/** The template that the revision remembers; undefined when it is no template's. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec | undefined {
  const template = (data as { spec?: { template?: unknown } } | undefined)?.spec?.template;
  if (typeof template !== 'object' || template === null) return undefined;
  const { $patch: _, ...rest } = template as PodTemplateSpec & { $patch?: string };
  return typeof rest.spec === 'object' && rest.spec !== null ? rest : undefined;
}

export function isSameRevision(a: ControllerRevision, b: ControllerRevision): boolean {
  return deepEqual(a.data, b.data);
}

/** `revision` and then age, the earliest first. */
export function sortRevisions(revisions: readonly ControllerRevision[]): ControllerRevision[] {
  const createdMs = ({ metadata }: ControllerRevision): number => Date.parse(metadata.creationTimestamp ?? '') || 0;
  return [...revisions].sort(
    (a, b) =>
      a.revision - b.revision ||
      createdMs(a) - createdMs(b) ||
      ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
  );
}

/** One more than the highest there is; they start at 1. */
export function nextRevision(revisions: readonly ControllerRevision[]): number {
  return Math.max(0, ...revisions.map(({ revision }) => revision)) + 1;
}

const MAX_PREFIX_LENGTH = 223;

/** `<workload>-<hash>`, cut so that it is a name (`ControllerRevisionName`). */
export function revisionName(workload: string, hash: string): string {
  return `${workload.slice(0, MAX_PREFIX_LENGTH)}-${hash}`;
}

/** Of the data as Go would write it; another `collisionCount` gives another one (`HashControllerRevision`). */
export function revisionHash(data: unknown, collisionCount: number): string {
  const text = JSON.stringify(sortKeys(data)).replace(/[<>&\u2028\u2029]/g, escapeAsGo);
  return safeEncodeString(String(fnv32(text + String(collisionCount))));
}

/**
 * Those to delete: of all but the `live` ones, which are named, the earliest beyond the limit. A negative limit keeps
 * everything (`truncateHistory`).
 */
export function revisionsBeyondHistory(
  revisions: readonly ControllerRevision[],
  { limit, live }: { limit: number; live: ReadonlySet<string> },
): ControllerRevision[] {
  const history = sortRevisions(revisions).filter(({ metadata }) => !live.has(metadata.name ?? ''));
  return limit < 0 || history.length <= limit ? [] : history.slice(0, history.length - limit);
}

/** FNV-1 over 32 bits. */
function fnv32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return hash;
}

function escapeAsGo(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}
