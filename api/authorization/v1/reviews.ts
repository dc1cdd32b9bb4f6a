/** Kinds that are asked, not stored: may somebody do something (authorization.k8s.io/v1). */
import type { ApiObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { Resource } from '../../machinery/resource.ts';

function review(kind: string, scope: Resource['scope'] = 'Cluster'): Resource {
  const singular = kind.toLowerCase();
  return defineResource<ApiObject>({
    group: 'authorization.k8s.io',
    version: 'v1',
    scope,
    names: { plural: `${singular}s`, singular, kind },
    schema: `V1${kind}`,
    verbs: ['create'],
  });
}

export const subjectAccessReviews = review('SubjectAccessReview');
export const selfSubjectAccessReviews = review('SelfSubjectAccessReview');
export const localSubjectAccessReviews = review('LocalSubjectAccessReview', 'Namespaced');
export const selfSubjectRulesReviews = review('SelfSubjectRulesReview');
