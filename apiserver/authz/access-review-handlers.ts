/** Answers access reviews by asking the authorizer (upstream `pkg/registry/authorization`). */
import type { UserInfo } from '../../api/machinery/handler.ts';
import { badRequest } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { decodeObject } from '../decode.ts';
import { objectResponse } from '../responses.ts';
import type { VerbHandler } from '../router.ts';
import type { Attributes, Authorizer } from './authorizer.ts';
import type { Rbac } from './rbac.ts';

interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
}

interface AccessSpec {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
  /** Of a SelfSubjectRulesReview. */
  namespace?: string;
}

type Review = ApiObject & { spec?: AccessSpec };

/** What a review asks. Throws BadRequest when it asks both questions or none. */
export function attributesOf({ resourceAttributes, nonResourceAttributes }: AccessSpec, user: UserInfo): Attributes {
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) {
    throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified');
  }
  return {
    user,
    isResourceRequest: resourceAttributes !== undefined,
    verb: resourceAttributes?.verb ?? nonResourceAttributes?.verb ?? '',
    apiGroup: resourceAttributes?.group ?? '',
    apiVersion: resourceAttributes?.version ?? '',
    namespace: resourceAttributes?.namespace ?? '',
    resource: resourceAttributes?.resource ?? '',
    subresource: resourceAttributes?.subresource ?? '',
    name: resourceAttributes?.name ?? '',
    path: nonResourceAttributes?.path ?? '',
  };
}

function evaluate(authorize: Authorizer, attributes: Attributes): { allowed: boolean; denied?: boolean; reason?: string } {
  const { decision, reason } = authorize(attributes);
  return { allowed: decision === 'allow', ...(decision === 'deny' ? { denied: true } : {}), ...(reason === '' ? {} : { reason }) };
}

/** The user that a review names; reviews of oneself name none. */
function subjectOf({ user = '', groups = [], uid, extra }: AccessSpec): UserInfo {
  if (user === '' && groups.length === 0) throw badRequest('at least one of user or group must be specified');
  return { name: user, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}

export function accessReviewHandlers({ authorize, rbac }: { authorize: Authorizer; rbac: Rbac }): Record<string, VerbHandler> {
  const review =
    (subject: (spec: AccessSpec, caller: UserInfo) => UserInfo): VerbHandler =>
    (context, kind, { schemas }) => {
      const asked = decodeObject(context, kind, schemas) as Review;
      const spec = asked.spec ?? {};
      if (kind.resource.scope === 'Namespaced' && spec.resourceAttributes?.namespace !== context.info.namespace) {
        throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${context.info.namespace}`);
      }
      const status = evaluate(authorize, attributesOf(spec, subject(spec, context.user)));
      return Promise.resolve(objectResponse({ ...asked, status }, 201));
    };
  const rules: VerbHandler = (context, kind, { schemas }) => {
    const asked = decodeObject(context, kind, schemas) as Review;
    const { namespace = '' } = asked.spec ?? {};
    if (namespace === '') throw badRequest('no namespace on request');
    return Promise.resolve(objectResponse({ ...asked, status: rulesStatus(rbac, context.user, namespace) }, 201));
  };
  return {
    subjectaccessreviews: review(subjectOf),
    localsubjectaccessreviews: review(subjectOf),
    selfsubjectaccessreviews: review((_spec, caller) => caller),
    selfsubjectrulesreviews: rules,
  };
}

const EVERYTHING = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
const EVERY_URL = [{ nonResourceURLs: ['*'], verbs: ['*'] }];

function rulesStatus(rbac: Rbac, user: UserInfo, namespace: string): unknown {
  if (user.groups.includes('system:masters')) return { resourceRules: EVERYTHING, nonResourceRules: EVERY_URL, incomplete: false };
  const { rules, errors } = rbac.rulesFor(user, namespace);
  const resourceRules = rules
    .filter(({ resources }) => (resources ?? []).length > 0)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, ...(resourceNames === undefined ? {} : { resourceNames }) }));
  const nonResourceRules = rules.filter(({ nonResourceURLs }) => (nonResourceURLs ?? []).length > 0).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  return { resourceRules, nonResourceRules, incomplete: errors.length > 0, ...(errors.length > 0 ? { evaluationError: errors.join(', ') } : {}) };
}
