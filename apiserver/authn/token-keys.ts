/**
 * The keys of service account tokens: one that signs, and those whose signatures count, so that a key can be replaced
 * without breaking the tokens that the old one signed.
 */
import type { KeyObject } from 'node:crypto';
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type { JWK, JWTPayload } from 'jose';
import { compactVerify, SignJWT } from 'jose';

export interface TokenKeys {
  /** Claim `iss` of every token. */
  issuer: string;
  /** Signature algorithms, for OpenID discovery. */
  algorithms: readonly string[];
  sign(claims: JWTPayload): Promise<string>;
  /** The claims when a known key signed them; `undefined` otherwise. Times and audiences are the caller's to check. */
  verify(token: string): Promise<JWTPayload | undefined>;
  /** The public keys as a JSON Web Key Set. */
  keySet(): { keys: JWK[] };
}

interface VerificationKey {
  id: string;
  algorithm: string;
  key: KeyObject;
}

/** Keys are PEM. The signing key's public half counts among the `verificationKeys` by itself. */
export function createTokenKeys(options: {
  issuer: string;
  signingKey: string;
  verificationKeys?: readonly string[];
}): TokenKeys {
  const signingKey = createPrivateKey(options.signingKey);
  const [signing, ...others] = [
    createPublicKey(signingKey),
    ...(options.verificationKeys ?? []).map(createPublicKey),
  ].map(verificationKey) as [VerificationKey, ...VerificationKey[]];
  const known = new Map([...others, signing].map((key) => [key.id, key]));
  return {
    issuer: options.issuer,
    algorithms: [...new Set([...known.values()].map(({ algorithm }) => algorithm))],
    sign: (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: signing.algorithm, kid: signing.id }).sign(signingKey),
    verify: (token) => verify(token, known),
    keySet: () => ({ keys: [...known.values()].map(publicJwk) }),
  };
}

/** Upstream's key id: the hash of the public key's DER (`pkg/serviceaccount/jwt.go`, `keyIDFromPublicKey`). */
function verificationKey(key: KeyObject): VerificationKey {
  const der = key.export({ type: 'spki', format: 'der' });
  return { id: createHash('sha256').update(der).digest('base64url'), algorithm: algorithmOf(key), key };
}

function algorithmOf(key: KeyObject): string {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ec' && curve === 'prime256v1') return 'ES256';
  throw new Error('a service account key must be RSA or ECDSA P-256');
}

async function verify(token: string, known: ReadonlyMap<string, VerificationKey>): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await compactVerify(
      token,
      ({ kid }) => {
        const key = known.get(kid ?? '');
        if (key === undefined) throw new Error('unknown key');
        return key.key;
      },
      // Never what the header asks for: `none` and a public key used as an HMAC secret are refused.
      { algorithms: ['ES256', 'RS256'] },
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as JWTPayload) : undefined;
  } catch {
    return undefined;
  }
}

function publicJwk({ id, algorithm, key }: VerificationKey): JWK {
  return { use: 'sig', kid: id, alg: algorithm, ...(key.export({ format: 'jwk' }) as JWK) };
}
