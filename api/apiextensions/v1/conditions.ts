/** Conditions of a CustomResourceDefinition (upstream: apiextensions-apiserver `pkg/apihelpers/helpers.go`). */
import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from './types.ts';

export type DefinitionConditionType =
  'Established' | 'NamesAccepted' | 'NonStructuralSchema' | 'Terminating' | 'KubernetesAPIApprovalPolicyConformant';

/** A condition without its time, which is set where it is put. */
export interface DefinitionCondition {
  type: DefinitionConditionType;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

export function findCondition(
  { status }: Pick<CustomResourceDefinition, 'status'>,
  type: DefinitionConditionType,
): CustomResourceDefinitionCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(
  definition: Pick<CustomResourceDefinition, 'status'>,
  type: DefinitionConditionType,
): boolean {
  return findCondition(definition, type)?.status === 'True';
}

/** Equal but for the time. */
export function isSameCondition(
  a: DefinitionCondition,
  b: Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'> | undefined,
): boolean {
  return a.type === b?.type && a.status === b.status && a.reason === b.reason && a.message === b.message;
}

/** Adds or replaces a condition of `definition`; the transition time becomes `time` only when the status changes. */
export function setCondition(
  definition: Pick<CustomResourceDefinition, 'status'>,
  condition: DefinitionCondition,
  time: string,
): void {
  const conditions = ((definition.status ??= {}).conditions ??= []);
  const existing = findCondition(definition, condition.type);
  if (existing === undefined) {
    conditions.push({ ...condition, lastTransitionTime: time });
    return;
  }
  const isTransition = existing.status !== condition.status || !existing.lastTransitionTime;
  Object.assign(existing, condition, isTransition ? { lastTransitionTime: time } : {});
}

export function removeCondition(
  { status }: Pick<CustomResourceDefinition, 'status'>,
  type: DefinitionConditionType,
): void {
  if (status?.conditions) status.conditions = status.conditions.filter((condition) => condition.type !== type);
}
