/**
 * Signs certificates that others ask for, with names, usages and times that have been decided already (upstream
 * `pkg/controller/certificates/authority`). As slow to load as `pki.ts`: to be imported dynamically.
 */
import * as x509 from '@peculiar/x509';
import { asPem, issuerOf, serialNumber, SIGNING_ALGORITHM } from './pki.ts';
import type { KeyPair } from './pki.ts';
import type { Random } from './random.ts';

export interface AlternativeName {
  type: 'dns' | 'email' | 'ip' | 'url';
  value: string;
}

export interface RequestedCertificate {
  /** Attributes by object identifier, in the order in which they are written. */
  subject: readonly { type: string; value: string }[];
  alternativeNames: readonly AlternativeName[];
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array;
  keyUsages: readonly KeyUsage[];
  /** Object identifiers. */
  extendedKeyUsages: readonly string[];
  nowMs: number;
  notBeforeMs: number;
  /** Where the authority ends earlier, the certificate does too. */
  notAfterMs: number;
}

export type KeyUsage = keyof typeof x509.KeyUsageFlags;

/** Answers the certificate as PEM. Whoever is given one can have things signed, and never sees the key. */
export type RequestSigner = (order: RequestedCertificate) => Promise<string>;

/** A leaf. Throws when the authority's time is over. */
export async function signRequestedCertificate(
  ca: KeyPair,
  random: Random,
  order: RequestedCertificate,
): Promise<string> {
  const { certificate: issuer, signingKey } = await issuerOf(ca);
  if (order.nowMs >= issuer.notAfter.getTime())
    throw new Error(`the signer has expired: NotAfter=${issuer.notAfter.toISOString()}`);
  // The explicit string type keeps a leading `#` from being read as encoded ASN.1.
  const subject = new x509.Name(order.subject.map(({ type, value }) => ({ [type]: [{ utf8String: value }] })));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject,
    issuer: issuer.subjectName,
    notBefore: new Date(order.notBeforeMs),
    notAfter: new Date(Math.min(order.notAfterMs, issuer.notAfter.getTime())),
    publicKey: new Uint8Array(order.publicKey),
    signingKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: await extensionsOf(order, issuer),
  });
  return asPem(certificate);
}

async function extensionsOf(order: RequestedCertificate, issuer: x509.X509Certificate): Promise<x509.Extension[]> {
  const { alternativeNames, extendedKeyUsages, keyUsages, subject } = order;
  const flags = keyUsages.reduce((all, usage) => all | x509.KeyUsageFlags[usage], 0);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extendedKeyUsages.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...extendedKeyUsages])]),
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    // Who has no other name is named by these alone, which every verifier must then understand.
    ...(alternativeNames.length === 0
      ? []
      : [new x509.SubjectAlternativeNameExtension([...alternativeNames], subject.length === 0)]),
  ];
}
