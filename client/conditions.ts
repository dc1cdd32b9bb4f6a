/** Conditions of a status, as pure functions over lists (apimachinery `api/meta/conditions.go`). */
import type { Condition } from '../api/machinery/meta.ts';

/** What every kind's conditions have. */
export type ConditionLike = Pick<Condition, 'type' | 'status'> & Partial<Condition>;

export function findCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly ConditionLike[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * The list with this condition in it, in its old place. `lastTransitionTime` (RFC 3339) becomes `now` when the status
 * differs from before, and else stays. The same list when nothing changes.
 */
export function withCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  condition: C,
  now: string,
): readonly C[] {
  const list = conditions ?? [];
  const previous = findCondition(list, condition.type);
  if (previous === undefined) {
    return [...list, { ...condition, lastTransitionTime: condition.lastTransitionTime ?? now }];
  }
  const flipped = previous.status !== condition.status;
  const kept = previous.lastTransitionTime === undefined ? {} : { lastTransitionTime: previous.lastTransitionTime };
  const next: C = {
    ...previous,
    ...condition,
    ...(flipped ? { lastTransitionTime: condition.lastTransitionTime ?? now } : kept),
  };
  if (isSame(previous, next)) return list;
  return list.map((one) => (one === previous ? next : one));
}

export function withoutCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

function isSame<C extends ConditionLike>(a: C, b: C): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof C>;
  return [...keys].every((key) => a[key] === b[key]);
}
