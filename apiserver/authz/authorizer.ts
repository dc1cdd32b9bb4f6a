/** The contract of authorizers (apiserver `pkg/authorization/authorizer/interfaces.go`). They read through listers only. */
import type { UserInfo } from '../../api/machinery/handler.ts';

export interface Attributes {
  user: UserInfo;
  verb: string;
  isResourceRequest: boolean;
  apiGroup: string;
  apiVersion: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** Non-resource path. */
  path: string;
  /** The query's field selector, of a list, watch or deletecollection. Absent: everything is asked for. */
  fieldSelector?: string;
}

export interface AuthorizeResult {
  decision: 'allow' | 'deny' | 'no-opinion';
  reason: string;
}

export type Authorizer = (attributes: Attributes) => AuthorizeResult;

/** The first authorizer with an opinion decides; none: no opinion, which the chain treats as a denial. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return (attributes) => {
    const reasons: string[] = [];
    for (const authorize of authorizers) {
      const result = authorize(attributes);
      if (result.decision !== 'no-opinion') return result;
      if (result.reason !== '') reasons.push(result.reason);
    }
    return { decision: 'no-opinion', reason: reasons.join('\n') };
  };
}

/**
 * `User "jane" cannot list resource "pods" in API group "" in the namespace "default"`
 * (apiserver `pkg/endpoints/handlers/responsewriters/errors.go`, `forbiddenMessage`).
 */
export function forbiddenMessage({ user, ...attributes }: Attributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${attributes.verb}`;
  if (!attributes.isResourceRequest) return `${who} path ${JSON.stringify(attributes.path)}`;
  const resource =
    attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`;
  const scope =
    attributes.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(attributes.namespace)}`;
  return `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.apiGroup)} ${scope}`;
}
