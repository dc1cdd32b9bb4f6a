/**
 * Groups of the Kubernetes community, and the annotation that says that their API was approved (upstream:
 * apiextensions-apiserver `pkg/apihelpers/helpers.go`, `pkg/controller/apiapproval`).
 */
import { fieldPath, invalid, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { DefinitionCondition } from './conditions.ts';
import type { CustomResourceDefinition } from './types.ts';

export const API_APPROVED_ANNOTATION = 'api-approved.kubernetes.io';

const SEE = 'see https://github.com/kubernetes/enhancements/pull/1111';

interface Approval {
  state: 'invalid' | 'approved' | 'bypassed' | 'missing';
  reason: string;
}

export function isProtectedCommunityGroup(group: string): boolean {
  return ['k8s.io', 'kubernetes.io'].some((domain) => group === domain || group.endsWith(`.${domain}`));
}

function approvalOf({ metadata }: CustomResourceDefinition): Approval {
  const annotation = metadata.annotations?.[API_APPROVED_ANNOTATION] ?? '';
  const quoted = JSON.stringify(API_APPROVED_ANNOTATION);
  if (annotation === '') {
    return { state: 'missing', reason: `protected groups must have approval annotation ${quoted}, ${SEE}` };
  }
  if (annotation.startsWith('unapproved')) {
    return { state: 'bypassed', reason: `not approved: ${JSON.stringify(annotation)}` };
  }
  // What Go's url.ParseRequestURI takes for an absolute URL with a host.
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\s]/.test(annotation) && URL.canParse(annotation)) {
    return { state: 'approved', reason: `approved in ${annotation}` };
  }
  const reason = `protected groups must have approval annotation ${quoted} with either a URL or a reason starting with "unapproved", ${SEE}`;
  return { state: 'invalid', reason };
}

/** Whoever leaves an unapproved definition as it is may still change the rest (`validateAPIApproval`). */
export function validateApproval(
  definition: CustomResourceDefinition,
  previous?: CustomResourceDefinition,
): FieldError[] {
  if (!isProtectedCommunityGroup(definition.spec.group ?? '')) return [];
  const { state, reason } = approvalOf(definition);
  if (previous !== undefined && approvalOf(previous).state === state) return [];
  const path = fieldPath('metadata', 'annotations').key(API_APPROVED_ANNOTATION);
  if (state === 'missing') return [required(path, reason)];
  return state === 'invalid' ? [invalid(path, definition.metadata.annotations?.[API_APPROVED_ANNOTATION], reason)] : [];
}

const CONDITIONS: Readonly<Record<Approval['state'], Pick<DefinitionCondition, 'status' | 'reason'>>> = {
  invalid: { status: 'False', reason: 'InvalidAnnotation' },
  missing: { status: 'False', reason: 'MissingAnnotation' },
  approved: { status: 'True', reason: 'ApprovedAnnotation' },
  bypassed: { status: 'False', reason: 'UnapprovedAnnotation' },
};

/** Only definitions of protected groups have the condition. */
export function approvalCondition(definition: CustomResourceDefinition): DefinitionCondition | undefined {
  if (!isProtectedCommunityGroup(definition.spec.group)) return undefined;
  const { state, reason } = approvalOf(definition);
  return { type: 'KubernetesAPIApprovalPolicyConformant', ...CONDITIONS[state], message: reason };
}
