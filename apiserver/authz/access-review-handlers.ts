/** Serves access reviews: `create` on kinds that are asked, not stored (upstream `pkg/registry/authorization`). */
import * as errors from '../../api/machinery/errors.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { decodeObject } from '../decode.ts';
import { objectResponse } from '../responses.ts';
import type { VerbHandler } from '../router.ts';
import type { AccessReviewSpec } from './access-review.ts';
import {
  evaluateAccessReview,
  evaluateRulesReview,
  reviewedSubject,
  validateAccessReview,
  validateLocalAccessReview,
} from './access-review.ts';
import type { Authorizer } from './authorizer.ts';
import type { Rbac } from './rbac.ts';

type Review = ApiObject & { spec?: AccessReviewSpec & { namespace?: string } };

export function accessReviewHandlers({
  authorize,
  rbac,
}: {
  authorize: Authorizer;
  rbac: Rbac;
}): Record<string, VerbHandler> {
  const subjectReview: VerbHandler = async (context, kind, { schemas }) => {
    const asked = decodeObject(context, kind, schemas) as Review;
    const { spec = {} } = asked;
    const isLocal = kind.resource.scope === 'Namespaced';
    const problems = isLocal
      ? validateLocalAccessReview(spec, context.info.namespace)
      : validateAccessReview(spec, { namesSubject: true });
    refuseInvalid(kind.resource.names.kind, problems);
    return objectResponse({ ...asked, status: evaluateAccessReview(authorize, spec, reviewedSubject(spec)) }, 201);
  };
  const selfReview: VerbHandler = async (context, kind, { schemas }) => {
    const asked = decodeObject(context, kind, schemas) as Review;
    const { spec = {} } = asked;
    refuseInvalid(kind.resource.names.kind, validateAccessReview(spec, { namesSubject: false }));
    return objectResponse({ ...asked, status: evaluateAccessReview(authorize, spec, context.user) }, 201);
  };
  const rulesReview: VerbHandler = async (context, kind, { schemas }) => {
    const asked = decodeObject(context, kind, schemas) as Review;
    const { namespace = '' } = asked.spec ?? {};
    if (namespace === '') throw errors.badRequest('no namespace on request');
    return objectResponse({ ...asked, status: evaluateRulesReview(rbac, context.user, namespace) }, 201);
  };
  return {
    subjectaccessreviews: subjectReview,
    localsubjectaccessreviews: subjectReview,
    selfsubjectaccessreviews: selfReview,
    selfsubjectrulesreviews: rulesReview,
  };
}

function refuseInvalid(kind: string, problems: readonly FieldError[]): void {
  if (problems.length > 0) throw errors.invalidObject({ group: 'authorization.k8s.io', kind }, '', problems);
}
