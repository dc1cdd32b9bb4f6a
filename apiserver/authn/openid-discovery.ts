/**
 * The documents with which others check our service account tokens
 * (upstream `pkg/serviceaccount/openidmetadata.go`, `pkg/routes/openidmetadata.go`).
 */
import type { TokenKeys } from './token-keys.ts';

export interface PublicDocument {
  body: unknown;
  contentType: string;
  cacheControl: string;
}

export const OPENID_CONFIGURATION_PATH = '/.well-known/openid-configuration';
export const KEY_SET_PATH = '/openid/v1/jwks';

const CACHE_CONTROL = 'public, max-age=3600';

/** Served at `OPENID_CONFIGURATION_PATH`. `keySetUri` is where clients find the key set. */
export function openIdConfiguration(keys: TokenKeys, keySetUri: string): PublicDocument {
  const body = {
    issuer: keys.issuer,
    jwks_uri: keySetUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...keys.algorithms].sort(),
  };
  return { body, contentType: 'application/json', cacheControl: CACHE_CONTROL };
}

/** Served at `KEY_SET_PATH`. Holds public keys only. */
export function openIdKeySet(keys: TokenKeys): PublicDocument {
  return { body: keys.keySet(), contentType: 'application/jwk-set+json', cacheControl: CACHE_CONTROL };
}
