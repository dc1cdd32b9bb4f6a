/**
 * Bearer tokens: from the Authorization header, or for browsers from a WebSocket subprotocol
 * (apiserver `pkg/authentication/request/{bearertoken,websocket}`).
 */
import { unauthorized } from '../../api/machinery/errors.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { Authenticator } from './authenticator.ts';

export interface TokenIdentity {
  user: UserInfo;
  /** Those of the audiences asked for that the token was made for. */
  audiences: readonly string[];
}

/** Nobody, when the token is not of its kind or not good for any of the `audiences`. Never throws. */
export type TokenAuthenticator = (
  token: string,
  audiences: readonly string[],
) => Promise<TokenIdentity | undefined> | TokenIdentity | undefined;

const WEBSOCKET_PREFIX = 'base64url.bearer.authorization.k8s.io.';
/** Longer ones are nobody's; hashing and parsing them would be work for free. */
const MAX_TOKEN_LENGTH = 64 * 1024;

/** A token that none of the authenticators knows ends the request with 401: it is not treated as anonymous. */
export function bearerTokenAuthenticator(
  authenticators: readonly TokenAuthenticator[],
  apiAudiences: readonly string[],
): Authenticator {
  const authenticate = unionTokenAuthenticator(authenticators);
  return async ({ headers }) => {
    const token = tokenOf(headers['authorization']) ?? webSocketTokenOf(headers['sec-websocket-protocol']);
    if (token === undefined) return undefined;
    const identity = await authenticate(token, apiAudiences);
    if (identity === undefined) throw unauthorized();
    return identity.user;
  };
}

/** The first that knows the token decides. */
export function unionTokenAuthenticator(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return async (token, audiences) => {
    if (token.length > MAX_TOKEN_LENGTH) return undefined;
    for (const authenticate of authenticators) {
      const identity = await authenticate(token, audiences);
      if (identity !== undefined) return identity;
    }
    return undefined;
  };
}

function tokenOf(header: string | undefined): string | undefined {
  const match = /^bearer +(\S+)\s*$/i.exec(header ?? '');
  return match?.[1];
}

function webSocketTokenOf(header: string | undefined): string | undefined {
  const protocols = (header ?? '').split(',').map((protocol) => protocol.trim());
  const encoded = protocols.find((protocol) => protocol.startsWith(WEBSOCKET_PREFIX));
  if (encoded === undefined) return undefined;
  const token = Buffer.from(encoded.slice(WEBSOCKET_PREFIX.length), 'base64url').toString();
  return token === '' ? undefined : token;
}
