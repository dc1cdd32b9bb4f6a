/** PEM as Go's `encoding/pem` has it, and what is in a certificate request (`pkg/apis/certificates/helpers.go ParseCSR`). */
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { alternativeNamesOf } from './alternative-names.ts';
import type { AlternativeNames } from './alternative-names.ts';
import { BIT_STRING, objectId, readAll, readDer, SEQUENCE } from './der.ts';
import type { DerValue } from './der.ts';
import { COMMON_NAME, ORGANIZATION, readName } from './distinguished-name.ts';
import type { NameAttribute } from './distinguished-name.ts';

export interface CertificateRequest extends AlternativeNames {
  commonName: string;
  organizations: readonly string[];
  /** All of the subject that a certificate takes over, these two included. */
  subject: readonly NameAttribute[];
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array;
  /** Why its signature is not that of its own key; empty when it is. */
  signatureProblem: string;
}

export interface PemBlock {
  type: string;
  hasHeaders: boolean;
  bytes: Uint8Array;
}

const PEM = /-----BEGIN ([^\n\r-]{1,64})-----[ \t]*\r?\n([\s\S]*?)-----END \1-----/g;
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
  const { key, attributes } = parts;
  const subject = readName(parts.subject);
  const valuesOfType = (type: string): string[] => subject.filter((one) => one.type === type).map(({ value }) => value);
  return {
    commonName: valuesOfType(COMMON_NAME)[0] ?? '',
    organizations: valuesOfType(ORGANIZATION),
    subject,
    ...alternativeNamesOf(attributes),
    publicKey: key,
    signatureProblem: signatureProblem(parts),
  };
}

interface Signed {
  /** The key's SubjectPublicKeyInfo. */
  key: Uint8Array;
  info: Uint8Array;
  algorithm: string;
  signature: Uint8Array;
}

interface RequestParts extends Signed {
  subject: DerValue;
  attributes: DerValue | undefined;
}

function partsOf(bytes: Uint8Array): RequestParts | undefined {
  const [info, algorithm, bits] = valuesOf(readDer(bytes));
  const [, subject, key, attributes] = valuesOf(info);
  const id = objectId(valuesOf(algorithm)[0]);
  if (bits?.tag !== BIT_STRING || subject?.tag !== SEQUENCE || key?.tag !== SEQUENCE || id === undefined)
    return undefined;
  // The first byte of a bit string says how many bits of its last byte are unused.
  const signature = bits.content.subarray(1);
  return { subject, attributes, key: key.raw, info: info!.raw, algorithm: id, signature };
}

/** What a sequence holds; nothing when it is none. */
function valuesOf(value: DerValue | undefined): DerValue[] {
  return (value?.tag === SEQUENCE ? readAll(value.content) : undefined) ?? [];
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

/** When the first certificate of `status.certificate` ends; `Infinity` where there is none to read. */
export function certificateEndMs(certificate: string): number {
  const [block] = pemBlocks(Buffer.from(certificate, 'base64').toString('latin1'));
  try {
    return block === undefined ? Infinity : Date.parse(new X509Certificate(block.bytes).validTo);
  } catch {
    return Infinity;
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
