/**
 * Match conditions: CEL expressions that all must hold before a webhook is called or a policy applies (apiserver
 * `pkg/admission/plugin/webhook/matchconditions/matcher.go`).
 */
import type { MatchCondition } from '../../../api/admissionregistration/v1/rule-validation.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { AdmissionAttributes } from '../admission.ts';
import type { MatchedResource } from './request-matcher.ts';

export interface ConditionInput {
  attributes: AdmissionAttributes;
  matched: MatchedResource;
  object: ApiObject | undefined;
  oldObject: ApiObject | undefined;
}

/** Throws what the failure policy makes a refusal of. */
export type MatchConditions = (input: ConditionInput) => boolean;

export function compileMatchConditions(_conditions: readonly MatchCondition[]): MatchConditions {
  return () => true;
}
