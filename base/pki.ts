/**
 * Issues certificates: a certificate authority and leaves signed by it, ECDSA P-256. Importing this file loads an ASN.1
 * library, which takes longer than reading a certificate: whoever only reads imports `pki-inspect.ts`, and this one
 * dynamically when something must be issued.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Random } from './random.ts';

export interface KeyPair {
  /** PEM; may hold intermediates after the first certificate. */
  certificate: string;
  /** PEM, PKCS#8. Never logged. */
  privateKey: string;
}

/** When a certificate is made and ends; `random` gives the serial number. */
export interface Issuance {
  nowMs: number;
  notAfterMs: number;
  random: Random;
}

export type CertificateUsage = 'client' | 'server';

export interface CertificateSubject {
  /** A user's name, or a server's. */
  commonName: string;
  /** Groups of the user. */
  organizations?: readonly string[];
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
}

export interface CertificateOrder extends CertificateSubject, Issuance {
  ca: KeyPair;
  usages: readonly CertificateUsage[];
}

/** Certificates are valid from this long before they were made, for peers whose clock is behind. */
const BACKDATE_MS = 5 * 60_000;

export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
export const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const;

const USAGE_OIDS: Record<CertificateUsage, x509.ExtendedKeyUsage> = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
};

x509.cryptoProvider.set(webcrypto);

/** A self-signed authority that may sign leaves but no further authorities. */
export async function createCertificateAuthority(order: { commonName: string } & Issuance): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: distinguishedName(order),
    ...validity(order),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      new x509.BasicConstraintsExtension(true, 0, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: asPem(certificate), privateKey: await exportPrivateKey(keys.privateKey) };
}

/** A leaf with a key of its own. Throws when the authority's key or certificate cannot be read. */
export async function issueCertificate(order: CertificateOrder): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await signCertificate(order, keys.publicKey);
  return { certificate, privateKey: await exportPrivateKey(keys.privateKey) };
}

/** Signs a leaf for somebody else's public key; answers its certificate as PEM. */
export async function signCertificate(order: CertificateOrder, publicKey: x509.PublicKeyType): Promise<string> {
  const { certificate: issuer, signingKey } = await issuerOf(order.ca);
  // No certificate outlives its authority: verifiers would refuse it anyway, at a moment nobody planned.
  const notAfterMs = Math.min(order.notAfterMs, issuer.notAfter.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    subject: distinguishedName(order),
    issuer: issuer.subjectName,
    ...validity({ ...order, notAfterMs }),
    publicKey,
    signingKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: await leafExtensions(order, publicKey, issuer),
  });
  return asPem(certificate);
}

export interface Issuer {
  certificate: x509.X509Certificate;
  signingKey: webcrypto.CryptoKey;
}

const issuers = new WeakMap<KeyPair, Promise<Issuer>>();

/** Reads an authority once, however many certificates it signs. */
export function issuerOf(ca: KeyPair): Promise<Issuer> {
  let issuer = issuers.get(ca);
  if (issuer === undefined) {
    issuer = importPrivateKey(ca.privateKey).then((signingKey) => ({
      certificate: new x509.X509Certificate(ca.certificate),
      signingKey,
    }));
    issuers.set(ca, issuer);
  }
  return issuer;
}

async function leafExtensions(
  order: CertificateOrder,
  publicKey: x509.PublicKeyType,
  issuer: x509.X509Certificate,
): Promise<x509.Extension[]> {
  const names: x509.JsonGeneralNames = [
    ...(order.dnsNames ?? []).map((value) => ({ type: 'dns', value }) as const),
    ...(order.ipAddresses ?? []).map((value) => ({ type: 'ip', value }) as const),
  ];
  return [
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension(order.usages.map((usage) => USAGE_OIDS[usage])),
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
  ];
}

/** Organizations first, each in a name of its own, as Go's x509 package writes them. */
export function distinguishedName({ commonName, organizations = [] }: CertificateSubject): x509.Name {
  // The explicit string type keeps a leading `#` from being read as encoded ASN.1.
  return new x509.Name([
    ...organizations.map((organization) => ({ O: [{ utf8String: organization }] })),
    { CN: [{ utf8String: commonName }] },
  ]);
}

/** Hex, 16 bytes. */
export function serialNumber(random: Random): string {
  const serial = Buffer.from(random.bytes(16));
  // Positive, and never with a leading zero byte.
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial.toString('hex');
}

function validity({ nowMs, notAfterMs, random }: Issuance): { serialNumber: string; notBefore: Date; notAfter: Date } {
  return {
    serialNumber: serialNumber(random),
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(notAfterMs),
  };
}

export async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

export async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem);
  return webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, false, ['sign']);
}

export function asPem(certificate: x509.X509Certificate): string {
  const pem = certificate.toString('pem');
  return pem.endsWith('\n') ? pem : `${pem}\n`;
}
