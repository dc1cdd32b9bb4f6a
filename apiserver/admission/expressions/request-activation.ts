/**
 * What the expressions of webhooks and policies read of a request (apiserver `pkg/admission/plugin/cel/activation.go`,
 * `condition.go` CreateAdmissionRequest).
 */
import type { AuthorizationAnswer, AuthorizationCheck } from '../../../api/cel/library/authorizer.ts';
import { authorizerValue, resourceCheckValue } from '../../../api/cel/library/authorizer.ts';
import type { OpaqueValue } from '../../../api/cel/values.ts';
import type { UserInfo } from '../../../api/machinery/handler.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { AdmissionAttributes } from '../admission.ts';
import type { MatchedResource } from '../matching/request-matcher.ts';
import { requestFields } from './request-fields.ts';

export interface ExpressionInput {
  attributes: AdmissionAttributes;
  matched: MatchedResource;
  /** In the version that the webhook or policy wants. */
  object: ApiObject | undefined;
  oldObject: ApiObject | undefined;
}

/** Variables that are made when an expression first reads them. */
export interface RequestActivation extends Record<string, unknown> {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
  readonly authorizer: OpaqueValue;
}

export function requestActivation(input: ExpressionInput, authorize: Authorizer): RequestActivation {
  const { attributes, object, oldObject } = input;
  let request: unknown;
  return {
    object: object ?? null,
    oldObject: oldObject ?? null,
    get request() {
      return (request ??= requestFields(attributes, input.matched));
    },
    get authorizer() {
      return authorizerValue(answerer(attributes.user, authorize));
    },
    get 'authorizer.requestResource'() {
      const { resource, subresource, namespace, name } = attributes;
      const check = { group: resource.group, resource: resource.names.plural, subresource, namespace, name };
      return resourceCheckValue(answerer(attributes.user, authorize), check);
    },
  };
}

/** `base` and `more` in one: what is computed when it is read stays so. */
export function withVariables(base: object, more: object): Record<string, unknown> {
  const own = { ...Object.getOwnPropertyDescriptors(base), ...Object.getOwnPropertyDescriptors(more) };
  return Object.defineProperties({}, own) as Record<string, unknown>;
}

function answerer(user: UserInfo, authorize: Authorizer): (check: AuthorizationCheck) => AuthorizationAnswer {
  return (check) => {
    const { decision, reason } = authorize({
      user: check.serviceAccount === undefined ? user : serviceAccountUser(check.serviceAccount),
      verb: check.verb,
      isResourceRequest: check.path === undefined,
      apiGroup: check.group ?? '',
      apiVersion: '*',
      namespace: check.namespace ?? '',
      resource: check.resource ?? '',
      subresource: check.subresource ?? '',
      name: check.name ?? '',
      path: check.path ?? '',
      ...(check.fieldSelector === undefined ? {} : { fieldSelector: check.fieldSelector }),
    });
    return { allowed: decision === 'allow', reason };
  };
}

function serviceAccountUser({ namespace, name }: { namespace: string; name: string }): UserInfo {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { name: `system:serviceaccount:${namespace}:${name}`, groups };
}
