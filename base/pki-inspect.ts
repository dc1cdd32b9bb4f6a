/**
 * Reads certificates and keys with Node's own crypto, which is quick to load; `pki.ts` issues them.
 */
import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { isIP } from 'node:net';
// Before `toLegacyObject`, which otherwise loads TLS by its inner parts: Node 20 leaves it without createSecureContext.
import 'node:tls';
import type { KeyPair } from './pki.ts';

export interface CertificateFacts {
  commonName: string;
  organizations: readonly string[];
  dnsNames: readonly string[];
  /** In canonical text form: IPv6 in lower case with its longest run of zeros left out. */
  ipAddresses: readonly string[];
  notBeforeMs: number;
  notAfterMs: number;
  /** SHA-256 of the DER, hex in lower case. */
  fingerprint: string;
  isAuthority: boolean;
}

/** Facts of the first certificate in `pem`. Throws when there is none. */
export function readCertificate(pem: string): CertificateFacts {
  return factsOf(new X509Certificate(pem));
}

/**
 * Checks pairs against one authority, whose certificate is read once. `read` answers a pair's facts, or `undefined`
 * unless the authority signed its certificate and the key is the one that the certificate names.
 */
export function authorityChecker(authorityPem: string): { read(pair: KeyPair): CertificateFacts | undefined } {
  const issuer = new X509Certificate(authorityPem);
  const { publicKey } = issuer;
  return {
    read(pair) {
      try {
        const certificate = new X509Certificate(pair.certificate);
        const isSigned = certificate.checkIssued(issuer) && certificate.verify(publicKey);
        return isSigned && isKeyOf(certificate, pair.privateKey) ? factsOf(certificate) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** Whether the key is the certificate's own. Reading a private key is slow, so its public half is looked for first. */
function isKeyOf(certificate: X509Certificate, privateKey: string): boolean {
  // A PKCS#8 EC key ends with its public point: 64 bytes that stand in the certificate too when both belong together.
  const der = Buffer.from(privateKey.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  if (der.length > 2 * EC_POINT_BYTES && certificate.raw.includes(der.subarray(-EC_POINT_BYTES))) return true;
  return certificate.checkPrivateKey(createPrivateKey(privateKey));
}

/** X and Y of a P-256 point. */
const EC_POINT_BYTES = 64;

function factsOf(certificate: X509Certificate): CertificateFacts {
  const subject = certificate.toLegacyObject().subject as unknown as Record<string, string | string[] | undefined>;
  return {
    commonName: valuesOf(subject?.['CN'])[0] ?? '',
    organizations: valuesOf(subject?.['O']),
    ...subjectAlternativeNames(certificate.subjectAltName),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    isAuthority: certificate.ca,
  };
}

/** A new ECDSA P-256 key pair for signing tokens, both as PEM. */
export function generateSigningKey(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

/** The public half of a private key, as PEM. Throws when `privateKey` is none. */
export function publicKeyOf(privateKey: string): string {
  return createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'pem' }).toString();
}

/** An IP address in its canonical text form, so that two spellings of one address compare equal. */
export function canonicalIp(address: string): string {
  if (isIP(address) !== 6) return address;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function valuesOf(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function subjectAlternativeNames(text: string | undefined): { dnsNames: string[]; ipAddresses: string[] } {
  const dnsNames: string[] = [];
  const ipAddresses: string[] = [];
  for (const entry of (text ?? '').split(', ')) {
    if (entry.startsWith('DNS:')) dnsNames.push(entry.slice('DNS:'.length));
    if (entry.startsWith('IP Address:')) ipAddresses.push(canonicalIp(entry.slice('IP Address:'.length)));
  }
  return { dnsNames, ipAddresses };
}
