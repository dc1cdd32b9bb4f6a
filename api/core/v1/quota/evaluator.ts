/** How objects of a kind are counted against quotas (upstream: `pkg/quota/v1/interfaces.go Evaluator`). */
import type { ApiObject } from '../../../machinery/meta.ts';
import type { Quantity } from '../../../machinery/quantity.ts';
import { quantityFromInteger } from '../../../machinery/quantity.ts';
import type { ResourceAmounts } from '../pod/resources.ts';
import type { ResourceQuotaSpec } from './types.ts';

export type ScopeRequirement = NonNullable<NonNullable<ResourceQuotaSpec['scopeSelector']>['matchExpressions']>[number];

export interface GroupPlural {
  group: string;
  plural: string;
}

export interface QuotaEvaluator<T extends ApiObject = ApiObject> {
  /** Which of these resources such objects use. */
  counts(name: string): boolean;
  /** What one object uses. */
  usage(object: T, nowMs: number): ResourceAmounts;
  /** Whether an object is of a scope; kinds without scopes are of none. */
  isOfScope?(requirement: ScopeRequirement, object: T): boolean;
  /** What an object must say when these resources are limited; empty when it does. */
  missing?(names: readonly string[], object: T): string;
  /** Changes of an object can change what it uses. */
  countsUpdates?: boolean;
}

export const ONE: Quantity = quantityFromInteger(1);

/** `count/deployments.apps` */
export function countName({ group, plural }: GroupPlural): string {
  return group === '' ? `count/${plural}` : `count/${plural}.${group}`;
}

/** Every scope of a quota, in whichever of the two ways it is written. */
export function requirementsOf({ scopes, scopeSelector }: ResourceQuotaSpec): ScopeRequirement[] {
  return [
    ...(scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether a requirement accepts one of the values; no value at all is what `NotIn` and `DoesNotExist` accept. */
export function accepts({ operator, values = [] }: ScopeRequirement, present: readonly string[]): boolean {
  switch (operator) {
    case 'In':
      return present.some((value) => values.includes(value));
    case 'NotIn':
      return present.length === 0 || present.some((value) => !values.includes(value));
    case 'Exists':
      return present.length > 0;
    default:
      return present.length === 0;
  }
}
