/**
 * What access reviews answer (upstream `pkg/registry/authorization`, `pkg/apis/authorization/validation/validation.go`):
 * pure functions from a review to its status.
 */
import type { FieldError } from '../../api/machinery/field-error.ts';
import { fieldPath, invalid } from '../../api/machinery/field-error.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { PolicyRule } from '../../api/rbac/v1/validation.ts';
import type { Attributes, Authorizer } from './authorizer.ts';
import { nodeNameOf } from './node-identity.ts';
import type { Rbac } from './rbac.ts';

interface FieldSelectorAttributes {
  rawSelector?: string;
  requirements?: { key?: string; operator?: string; values?: string[] }[];
}

export interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
  fieldSelector?: FieldSelectorAttributes;
}

/** The spec of SubjectAccessReview and LocalSubjectAccessReview; that of SelfSubjectAccessReview names no subject. */
export interface AccessReviewSpec {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
}

export interface AccessReviewStatus {
  allowed: boolean;
  denied?: boolean;
  reason?: string;
}

export interface RulesReviewStatus {
  resourceRules: { verbs: string[]; apiGroups?: string[]; resources?: string[]; resourceNames?: string[] }[];
  nonResourceRules: { verbs: string[]; nonResourceURLs?: string[] }[];
  incomplete: boolean;
  evaluationError?: string;
}

/** Exactly one question must be asked; `namesSubject` unless the caller asks about itself. */
export function validateAccessReview(
  spec: AccessReviewSpec,
  { namesSubject }: { namesSubject: boolean },
): FieldError[] {
  const { resourceAttributes, nonResourceAttributes, user = '', groups = [] } = spec;
  const found: FieldError[] = [];
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    const detail = 'cannot be specified in combination with resourceAttributes';
    found.push(invalid(fieldPath('spec', 'nonResourceAttributes'), nonResourceAttributes, detail));
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    found.push(invalid(fieldPath('spec', 'resourceAttributes'), null, detail));
  }
  if (namesSubject && user === '' && groups.length === 0) {
    found.push(invalid(fieldPath('spec', 'user'), user, 'at least one of user or group must be specified'));
  }
  return found;
}

/** A LocalSubjectAccessReview asks about resources of the namespace that it is made in. */
export function validateLocalAccessReview(spec: AccessReviewSpec, namespace: string): FieldError[] {
  const found = validateAccessReview(spec, { namesSubject: true });
  const asked = spec.resourceAttributes?.namespace ?? '';
  if (spec.resourceAttributes !== undefined && asked !== namespace) {
    found.push(invalid(fieldPath('spec', 'resourceAttributes', 'namespace'), asked, 'must match metadata.namespace'));
  }
  if (spec.nonResourceAttributes !== undefined) {
    const path = fieldPath('spec', 'nonResourceAttributes');
    found.push(invalid(path, spec.nonResourceAttributes, 'disallowed on this kind of request'));
  }
  return found;
}

/** The subject that a review names. */
export function reviewedSubject({ user = '', groups = [], uid, extra }: AccessReviewSpec): UserInfo {
  return { name: user, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }) };
}

/** The answer to SubjectAccessReview and its kin. The spec has been validated. */
export function evaluateAccessReview(
  authorize: Authorizer,
  spec: AccessReviewSpec,
  user: UserInfo,
): AccessReviewStatus {
  const { decision, reason } = authorize(reviewedAttributes(spec, user));
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' && { denied: true }),
    ...(reason !== '' && { reason }),
  };
}

/** The request that a review asks about. */
export function reviewedAttributes(
  { resourceAttributes, nonResourceAttributes }: AccessReviewSpec,
  user: UserInfo,
): Attributes {
  const resource = resourceAttributes ?? {};
  const fieldSelector = selectorText(resource.fieldSelector);
  return {
    user,
    isResourceRequest: resourceAttributes !== undefined,
    verb: resourceAttributes?.verb ?? nonResourceAttributes?.verb ?? '',
    apiGroup: resource.group ?? '',
    apiVersion: resource.version ?? '',
    namespace: resource.namespace ?? '',
    resource: resource.resource ?? '',
    subresource: resource.subresource ?? '',
    name: resource.name ?? '',
    path: nonResourceAttributes?.path ?? '',
    ...(fieldSelector !== '' && { fieldSelector }),
  };
}

/** Requirements that a field selector cannot say are left out: that asks for more, so it never allows more. */
function selectorText({ rawSelector = '', requirements = [] }: FieldSelectorAttributes = {}): string {
  if (rawSelector !== '') return rawSelector;
  const terms = requirements.map(({ key = '', operator, values = [] }) => {
    const [value, ...more] = values;
    if (value === undefined || more.length > 0 || (operator !== 'In' && operator !== 'NotIn')) return '';
    return `${key}${operator === 'In' ? '=' : '!='}${value.replace(/[\\,=]/g, (character) => `\\${character}`)}`;
  });
  return terms.filter((term) => term !== '').join(',');
}

/** The answer to a SelfSubjectRulesReview: what the caller may do in `namespace`, as far as rules can say. */
export function evaluateRulesReview(rbac: Rbac, user: UserInfo, namespace: string): RulesReviewStatus {
  const { rules, errors } = rbac.rulesFor(user, namespace);
  // A node's rights follow from its pods, which no list of rules can show.
  const ofNode = nodeNameOf(user) === undefined ? [] : ['node authorizer does not support user rule resolution'];
  const problems = [...ofNode, ...new Set(errors)];
  return {
    resourceRules: rules.filter(({ resources }) => isNonEmpty(resources)).map(resourceRule),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => isNonEmpty(nonResourceURLs))
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs: nonResourceURLs! })),
    incomplete: problems.length > 0,
    ...(problems.length > 0 && { evaluationError: problems.join(', ') }),
  };
}

function resourceRule({
  verbs,
  apiGroups,
  resources,
  resourceNames,
}: PolicyRule): RulesReviewStatus['resourceRules'][number] {
  return {
    verbs,
    ...(apiGroups !== undefined && { apiGroups }),
    ...(resources !== undefined && { resources }),
    ...(isNonEmpty(resourceNames) && { resourceNames: resourceNames! }),
  };
}

function isNonEmpty(list: readonly string[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}
