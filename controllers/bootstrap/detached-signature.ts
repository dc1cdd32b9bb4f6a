/** A JWS whose content travels apart (RFC 7515, appendix F; upstream `cluster-bootstrap/token/jws`). */
import { createHmac } from 'node:crypto';

/** HS256 with the token's value; the same every time. */
export function detachedSignature(content: string, token: { id: string; secret: string }): string {
  const encode = (text: string): string => Buffer.from(text).toString('base64url');
  const header = encode(JSON.stringify({ alg: 'HS256', kid: token.id }));
  const signed = createHmac('sha256', token.secret).update(`${header}.${encode(content)}`);
  return `${header}..${signed.digest('base64url')}`;
}
