/** Kinds that are asked, not stored: whose token is this, who am I (authentication.k8s.io/v1). */
import type { ApiObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';

const CREATE_ONLY = ['create'] as const;
const group = 'authentication.k8s.io';

export const tokenReviews = defineResource<ApiObject>({
  group,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'tokenreviews', singular: 'tokenreview', kind: 'TokenReview' },
  schema: 'V1TokenReview',
  verbs: CREATE_ONLY,
});

export const selfSubjectReviews = defineResource<ApiObject>({
  group,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'selfsubjectreviews', singular: 'selfsubjectreview', kind: 'SelfSubjectReview' },
  schema: 'V1SelfSubjectReview',
  verbs: CREATE_ONLY,
});
