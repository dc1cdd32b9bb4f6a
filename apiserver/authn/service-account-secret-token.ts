/**
 * Recognizes the tokens without an end that secrets of service accounts hold: each is good while its secret still holds
 * it and its account is there (upstream `pkg/serviceaccount/legacy.go`).
 */
import type { JWTPayload } from 'jose';
import { LEGACY_TOKEN_ISSUER, legacyClaims } from '../../api/core/v1/service-account-token-secret.ts';
import { decodeBase64 } from '../../api/core/v1/binary-data.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Lister, Listers, UserInfo } from '../../api/machinery/handler.ts';
import { listerIfServed } from '../authz/optional-lister.ts';
import type { TokenAuthenticator } from './bearer-token.ts';
import { issuerOf } from './service-account-token.ts';
import { userOf } from './service-account-claims.ts';
import type { TokenKeys } from './token-keys.ts';

/** Such tokens are for the API server only, whose audience is its issuer. */
export function secretTokenAuthenticator({ keys, listers }: { keys: TokenKeys; listers: Listers }): TokenAuthenticator {
  const accounts = listerIfServed(listers, { group: '', plural: 'serviceaccounts' });
  const secrets = listerIfServed<Secret>(listers, { group: '', plural: 'secrets' });
  return async (token, audiences) => {
    if (issuerOf(token) !== LEGACY_TOKEN_ISSUER) return undefined;
    const payload = await keys.verify(token);
    const matching = audiences.filter((audience) => audience === keys.issuer);
    const user = payload && bearerOf(payload, { token, accounts, secrets });
    return user === undefined || matching.length === 0 ? undefined : { user, audiences: matching };
  };
}

interface Shown {
  token: string;
  accounts: Lister;
  secrets: Lister<Secret>;
}

function bearerOf(payload: JWTPayload, { token, accounts, secrets }: Shown): UserInfo | undefined {
  const text = (name: string): string => {
    const value = payload[`kubernetes.io/serviceaccount/${name}`];
    return typeof value === 'string' ? value : '';
  };
  const [namespace, name, uid] = [text('namespace'), text('service-account.name'), text('service-account.uid')];
  const claims = legacyClaims({ namespace, name, uid }, text('secret.name'));
  if (Object.values(claims).includes('') || payload.sub !== claims['sub']) return undefined;
  const secret = secrets.get(namespace, text('secret.name'));
  if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return undefined;
  if (decodeBase64(secret.data?.['token'] ?? '') !== token) return undefined;
  const account = accounts.get(namespace, name);
  if (account?.metadata.uid !== uid || account.metadata.deletionTimestamp !== undefined) return undefined;
  return userOf({ 'kubernetes.io': { namespace, serviceaccount: { name, uid } } });
}
