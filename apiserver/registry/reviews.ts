/** Reviews and tokens: `create` on kinds that are asked, not stored. */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { formatTime } from '../../base/clock.ts';
import { decodeAs, decodeObject } from '../decode.ts';
import type { TokenAuthenticator } from '../authn/bearer-token.ts';
import type { TokenIssuer } from '../authn/token-request.ts';
import { issueServiceAccountToken } from '../authn/token-request.ts';
import type { TokenRequest } from '../authn/token-request.ts';
import { reviewedUser, reviewToken } from '../authn/token-review.ts';
import type { TokenReview } from '../authn/token-review.ts';
import { accessReviewHandlers } from '../authz/access-review-handlers.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { Rbac } from '../authz/rbac.ts';
import { pathName } from '../request-info.ts';
import { objectResponse } from '../responses.ts';
import type { Router, Subresource, VerbHandler } from '../router.ts';
import { writeContext } from '../verbs/write-context.ts';
import type { ServedKind } from './served-kind.ts';

export interface ReviewOptions {
  issuer: TokenIssuer;
  authenticateToken: TokenAuthenticator;
  authorize: Authorizer;
  rbac: Rbac;
}

const TOKEN_REQUEST = {
  schema: 'AuthenticationV1TokenRequest',
  kind: 'TokenRequest',
  apiVersion: 'authentication.k8s.io/v1',
};

function tokenSubresource({ issuer }: ReviewOptions): Subresource {
  const create: VerbHandler = async (context, kind, { schemas, store }) => {
    const request = decodeAs<TokenRequest>(context, TOKEN_REQUEST, schemas);
    const account = { namespace: context.info.namespace, name: pathName(context.info) };
    request.metadata ??= {};
    await store.admit(kind, request as ApiObject, {
      key: account,
      subresource: 'token',
      context: writeContext(context),
    });
    return objectResponse(await issueServiceAccountToken(issuer, account, request), 201);
  };
  return {
    name: 'token',
    kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    verbs: { create },
  };
}

function tokenReview({ authenticateToken, issuer }: ReviewOptions): VerbHandler {
  return async (context, kind, { schemas }) => {
    const review = decodeObject(context, kind, schemas) as TokenReview;
    return objectResponse(
      await reviewToken(review, { authenticate: authenticateToken, apiAudiences: issuer.apiAudiences }),
      201,
    );
  };
}

const selfSubjectReview: VerbHandler = (context, kind, { clock }) =>
  Promise.resolve(
    objectResponse(
      {
        kind: 'SelfSubjectReview',
        apiVersion: kind.apiVersion,
        metadata: { creationTimestamp: formatTime(clock.now()) },
        status: { userInfo: reviewedUser(context.user) },
      },
      201,
    ),
  );

export function addReviews(router: Router, kinds: readonly ServedKind[], options: ReviewOptions): void {
  const handlers: Record<string, VerbHandler> = {
    tokenreviews: tokenReview(options),
    selfsubjectreviews: selfSubjectReview,
    ...accessReviewHandlers(options),
  };
  for (const kind of kinds) {
    const create = handlers[kind.resource.names.plural];
    if (create !== undefined) router.addAsked(kind, { create });
    if (kind.resource.names.plural === 'serviceaccounts') router.addSubresource(kind, tokenSubresource(options));
  }
}
