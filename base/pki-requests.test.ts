import { beforeAll, expect, it } from '@jest/globals';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { authorityChecker, readCertificate } from './pki-inspect.ts';
import type { KeyPair } from './pki.ts';
import { createCertificateAuthority } from './pki.ts';
import type { RequestedCertificate } from './pki-requests.ts';
import { signRequestedCertificate } from './pki-requests.ts';
import { realRandom } from './random.ts';

const HOUR_MS = 3_600_000;
const nowMs = 1_790_000_000_000;

let ca: KeyPair;
beforeAll(async () => {
  ca = await createCertificateAuthority({
    commonName: 'kubernetes',
    nowMs,
    notAfterMs: nowMs + 10 * HOUR_MS,
    random: realRandom,
  });
});

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

const sign = (order: Partial<RequestedCertificate> = {}): Promise<string> =>
  signRequestedCertificate(ca, realRandom, {
    subject: [
      { type: '2.5.4.10', value: 'staff' },
      { type: '2.5.4.10', value: '#0c0178' },
      { type: '2.5.4.3', value: 'jane, O=admins' },
    ],
    alternativeNames: [],
    publicKey: keys.publicKey,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['1.3.6.1.5.5.7.3.2'],
    nowMs,
    notBeforeMs: nowMs - 300_000,
    notAfterMs: nowMs + HOUR_MS,
    ...order,
  });

it('signs a key of any kind, with names and times as they are ordered', async () => {
  const certificate = await sign();
  const pair = { certificate, privateKey: keys.privateKey };
  expect(authorityChecker(ca.certificate).read(pair)).toMatchObject({
    commonName: 'jane, O=admins',
    organizations: ['staff', '#0c0178'],
    notBeforeMs: nowMs - 300_000,
    notAfterMs: nowMs + HOUR_MS,
    isAuthority: false,
  });
  expect(new X509Certificate(certificate).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
});

it('lets no certificate outlive its authority, and signs none after that', async () => {
  const { notAfterMs } = readCertificate(await sign({ notAfterMs: nowMs + 100 * HOUR_MS }));
  expect(notAfterMs).toBe(nowMs + 10 * HOUR_MS);
  await expect(sign({ nowMs: nowMs + 10 * HOUR_MS })).rejects.toThrow('the signer has expired: NotAfter=');
});

it('makes no authority of who may sign certificates', async () => {
  const certificate = new X509Certificate(await sign({ keyUsages: ['keyCertSign', 'cRLSign'], extendedKeyUsages: [] }));
  expect(certificate.ca).toBe(false);
});

it('names who has no subject by alternative names alone', async () => {
  const names = [
    { type: 'dns', value: 'a.example' },
    { type: 'ip', value: 'fd00:0:0:0:0:0:0:12' },
    { type: 'email', value: 'x@example.com' },
    { type: 'url', value: 'spiffe://example/x' },
  ] as const;
  const certificate = new X509Certificate(await sign({ subject: [], alternativeNames: names }));
  expect(certificate.subjectAltName).toBe(
    'DNS:a.example, IP Address:FD00:0:0:0:0:0:0:12, email:x@example.com, URI:spiffe://example/x',
  );
  expect(certificate.subject).toBeFalsy();
});
