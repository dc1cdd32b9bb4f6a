/** PEM as Go's `encoding/pem` has it, and what is in a certificate request (`pkg/apis/certificates/helpers.go ParseCSR`). */
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { BIT_STRING, objectId, readAll, readDer, SEQUENCE, SET } from './der.ts';
import type { DerValue } from './der.ts';

export interface CertificateRequest {
  commonName: string;
  organizations: readonly string[];
  /** Why its signature is not that of its own key; empty when it is. */
  signatureProblem: string;
}

export interface PemBlock {
  type: string;
  hasHeaders: boolean;
  bytes: Uint8Array;
}

const PEM = /-----BEGIN ([^\n\r-]{1,64})-----[ \t]*\r?\n([\s\S]*?)-----END \1-----/g;
const ORGANIZATION = '2.5.4.10';
const COMMON_NAME = '2.5.4.3';
/** Larger ones cost time and are nobody's. */
const MAX_RSA_BITS = 16_384;

/** By the object identifier of the signature's algorithm. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(PEM)].map(([, type, body]) => {
    const hasHeaders = body!.includes(':');
    const content = hasHeaders ? body!.slice(body!.search(/\r?\n\r?\n/)) : body!;
    return { type: type!, hasHeaders, bytes: Buffer.from(content, 'base64') };
  });
}

/** `request` is base64 of PEM, as `spec.request` has it. Throws an error with Go's message. */
export function parseCertificateRequest(request: string): CertificateRequest {
  const [block] = pemBlocks(Buffer.from(request, 'base64').toString('latin1'));
  if (block?.type !== 'CERTIFICATE REQUEST') throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const parts = partsOf(block.bytes);
  if (parts === undefined) throw new Error("asn1: structure error: tags don't match");
  const { subject, key, info, algorithm, signature } = parts;
  return {
    commonName: namesOf(subject, COMMON_NAME)[0] ?? '',
    organizations: namesOf(subject, ORGANIZATION),
    signatureProblem: signatureProblem({ key, info, algorithm, signature }),
  };
}

interface Signed {
  /** The key's SubjectPublicKeyInfo. */
  key: Uint8Array;
  info: Uint8Array;
  algorithm: string;
  signature: Uint8Array;
}

function partsOf(bytes: Uint8Array): (Signed & { subject: DerValue }) | undefined {
  const [info, algorithm, bits] = valuesOf(readDer(bytes));
  const [, subject, key] = valuesOf(info);
  const id = objectId(valuesOf(algorithm)[0]);
  if (bits?.tag !== BIT_STRING || subject?.tag !== SEQUENCE || key?.tag !== SEQUENCE || id === undefined)
    return undefined;
  // The first byte of a bit string says how many bits of its last byte are unused.
  return { subject, key: key.raw, info: info!.raw, algorithm: id, signature: bits.content.subarray(1) };
}

/** What a sequence holds; nothing when it is none. */
function valuesOf(value: DerValue | undefined): DerValue[] {
  return (value?.tag === SEQUENCE ? readAll(value.content) : undefined) ?? [];
}

/** Values of one kind of attribute in a distinguished name. */
function namesOf(name: DerValue, attribute: string): string[] {
  return (readAll(name.content) ?? [])
    .filter(({ tag }) => tag === SET)
    .flatMap((set) => readAll(set.content) ?? [])
    .flatMap((pair) => {
      const [type, value] = readAll(pair.content) ?? [];
      return objectId(type) === attribute && value !== undefined ? [Buffer.from(value.content).toString('utf8')] : [];
    });
}

function signatureProblem({ key, info, algorithm, signature }: Signed): string {
  const digest = DIGESTS[algorithm];
  if (digest === undefined) return 'x509: cannot verify signature: algorithm unimplemented';
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' });
  } catch {
    return 'x509: failed to parse public key';
  }
  if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) > MAX_RSA_BITS) return 'x509: RSA key is too large';
  try {
    return verify(digest, info, publicKey, signature) ? '' : 'x509: signature verification failed';
  } catch {
    return 'x509: signature verification failed';
  }
}

/** What is wrong with `status.certificate`, base64 of PEM; empty when nothing is (`validateCertificate`). */
export function certificateProblem(certificate: string): string {
  if (certificate === '') return '';
  const blocks = pemBlocks(Buffer.from(certificate, 'base64').toString('latin1'));
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    try {
      new X509Certificate(bytes);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return '';
}
