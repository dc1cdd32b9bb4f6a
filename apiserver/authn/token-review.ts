/** Answers TokenReviews: who a token belongs to (upstream `pkg/registry/authentication/tokenreview/storage.go`). */
import { badRequest } from '../../api/machinery/errors.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ObjectMeta } from '../../api/machinery/meta.ts';
import type { TokenAuthenticator } from './bearer-token.ts';

export interface ReviewedUser {
  username: string;
  uid?: string;
  groups?: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** `authentication.k8s.io/v1` TokenReview. */
export interface TokenReview {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
  spec?: { token?: string; audiences?: string[] };
  status?: { authenticated?: boolean; user?: ReviewedUser; audiences?: readonly string[]; error?: string };
}

/** The token does not come back with the answer. Throws `ApiError` when there is none. */
export async function reviewToken(
  review: TokenReview,
  { authenticate, apiAudiences }: { authenticate: TokenAuthenticator; apiAudiences: readonly string[] },
): Promise<TokenReview> {
  const { token = '', audiences = [] } = review.spec ?? {};
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const identity = await authenticate(token, audiences.length > 0 ? audiences : apiAudiences);
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    metadata: review.metadata ?? {},
    spec: audiences.length > 0 ? { audiences } : {},
    status:
      identity === undefined
        ? { user: {} as ReviewedUser, error: '[invalid bearer token, unknown token]' }
        : { authenticated: true, user: reviewedUser(identity.user), audiences: identity.audiences },
  };
}

/** A user as reviews write it. */
export function reviewedUser({ name, uid, groups, extra }: UserInfo): ReviewedUser {
  return {
    username: name,
    ...(uid !== undefined && uid !== '' && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra !== undefined && Object.keys(extra).length > 0 && { extra }),
  };
}
