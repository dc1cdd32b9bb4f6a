/** The strategic merge patch between two pod statuses (upstream `pkg/util/pod/pod.go`, `PatchPodStatus`): pure. */
import type { PodStatus } from '../../api/core/v1/pod/types.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { KUBELET_CONDITIONS, RESIZE_CONDITIONS } from './conditions.ts';
import type { PodCondition } from './conditions.ts';

/** Fields that others write, or that once set stay. */
const NEVER_CLEARED = new Set([
  'conditions',
  'extendedResourceClaimStatus',
  'nominatedNodeName',
  'resize',
  'resourceClaimStatuses',
  'startTime',
  'qosClass',
]);
const ADDRESSES = ['hostIPs', 'podIPs'] as const;
/** Merged by key, so that what others have written stays. */
const MERGED = new Set<string>(['conditions', ...ADDRESSES]);
const CONDITION_TEXTS = ['reason', 'message'] as const;

/** Undefined when nothing changes. Of the conditions, which are merged by type, only the kubelet's own are sent. */
export function statusPatch(previous: PodStatus, next: PodStatus): Record<string, unknown> | undefined {
  const patch = changedFields(previous as Fields, next as Fields);
  const conditions = changedConditions(previous.conditions ?? [], next.conditions ?? []);
  if (conditions.length > 0) patch['conditions'] = conditions;
  for (const field of ADDRESSES) {
    const wanted = next[field];
    if (wanted !== undefined && !deepEqual(previous[field], wanted))
      patch[field] = addressPatch(previous[field] ?? [], wanted);
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

type Fields = Readonly<Record<string, unknown>>;

/** But for the lists that are merged. A field that is gone becomes `null`. */
function changedFields(before: Fields, after: Fields): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(after)) {
    if (!MERGED.has(field) && !deepEqual(before[field], value)) patch[field] = value;
  }
  for (const field of Object.keys(before)) {
    if (after[field] === undefined && before[field] !== undefined && !NEVER_CLEARED.has(field)) patch[field] = null;
  }
  return patch;
}

function changedConditions(previous: readonly PodCondition[], next: readonly PodCondition[]): unknown[] {
  const changed: unknown[] = [];
  for (const condition of next.filter(({ type }) => KUBELET_CONDITIONS.has(type))) {
    const before = previous.find(({ type }) => type === condition.type);
    if (before !== undefined && isSameCondition(before, condition)) continue;
    const cleared = CONDITION_TEXTS.filter((field) => before?.[field] !== undefined && condition[field] === undefined);
    changed.push({ ...condition, ...Object.fromEntries(cleared.map((field) => [field, null])) });
  }
  const isGone = ({ type }: PodCondition): boolean =>
    RESIZE_CONDITIONS.has(type) && !next.some((condition) => condition.type === type);
  for (const { type } of previous.filter(isGone)) changed.push({ type, $patch: 'delete' });
  return changed;
}

function isSameCondition(a: PodCondition, b: PodCondition): boolean {
  const fields = ['status', 'reason', 'message', 'lastTransitionTime', 'observedGeneration'] as const;
  return fields.every((field) => a[field] === b[field]);
}

type Addresses = readonly { ip: string }[];

/** The list is merged by address: those that are no longer there must be taken out by name. */
function addressPatch(previous: Addresses, wanted: Addresses): unknown[] {
  const gone = previous.filter(({ ip }) => !wanted.some((one) => one.ip === ip));
  return [...wanted, ...gone.map(({ ip }) => ({ ip, $patch: 'delete' }))];
}
