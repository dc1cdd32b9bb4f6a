import { beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { authorityChecker, canonicalIp, generateSigningKey, publicKeyOf, readCertificate } from './pki-inspect.ts';
import type { KeyPair } from './pki.ts';
import { createCertificateAuthority, issueCertificate } from './pki.ts';
import { realRandom } from './random.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.now();
const issuance = { nowMs, notAfterMs: nowMs + 30 * DAY_MS, random: realRandom };

const belongsTogether = (pair: KeyPair, authority: string): boolean =>
  authorityChecker(authority).read(pair) !== undefined;

let ca: KeyPair;
let otherCa: KeyPair;
let server: KeyPair;
let admin: KeyPair;

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'kubernetes', ...issuance });
  otherCa = await createCertificateAuthority({ commonName: 'kubernetes', ...issuance });
  server = await issueCertificate({
    ca,
    commonName: 'kube-apiserver',
    dnsNames: ['kubernetes.default', 'localhost'],
    ipAddresses: ['127.0.0.1', '10.96.0.1', 'fd00:0:0::1'],
    usages: ['server'],
    ...issuance,
  });
  admin = await issueCertificate({
    ca,
    commonName: 'kubernetes-admin',
    organizations: ['system:masters', '#0c0178'],
    usages: ['client'],
    ...issuance,
  });
});

describe('issueCertificate()', () => {
  it('writes subject, alternative names and validity that Node reads back', () => {
    const facts = readCertificate(server.certificate);
    expect(facts.commonName).toBe('kube-apiserver');
    expect(facts.dnsNames).toEqual(['kubernetes.default', 'localhost']);
    expect(facts.ipAddresses).toEqual(['127.0.0.1', '10.96.0.1', 'fd00::1']);
    expect(facts.notAfterMs).toBe(Math.floor(issuance.notAfterMs / 1000) * 1000);
    expect(facts.notBeforeMs).toBeLessThan(nowMs - 60_000);
    expect(facts.isAuthority).toBe(false);
    expect(facts.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it('keeps organizations in order, also one that looks like encoded ASN.1', () => {
    expect(readCertificate(admin.certificate).organizations).toEqual(['system:masters', '#0c0178']);
  });

  it('is signed by its authority and by no other of the same name', () => {
    expect(belongsTogether(server, ca.certificate)).toBe(true);
    expect(belongsTogether(server, otherCa.certificate)).toBe(false);
  });

  it('is not taken together with another key, and not when unreadable', () => {
    expect(belongsTogether({ ...server, privateKey: admin.privateKey }, ca.certificate)).toBe(false);
    expect(belongsTogether({ ...server, certificate: 'nonsense' }, ca.certificate)).toBe(false);
  });

  it('never outlives its authority', async () => {
    const leaf = await issueCertificate({
      ca,
      commonName: 'x',
      usages: ['client'],
      ...issuance,
      notAfterMs: nowMs + 3000 * DAY_MS,
    });
    expect(readCertificate(leaf.certificate).notAfterMs).toBe(readCertificate(ca.certificate).notAfterMs);
  });

  it('limits a leaf to its usages and makes authorities that sign no authority', () => {
    expect(new X509Certificate(server.certificate).keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(new X509Certificate(admin.certificate).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(readCertificate(ca.certificate).isAuthority).toBe(true);
  });
});

interface Handshake {
  authorized: boolean;
  commonName: string | undefined;
}

/** One mutual TLS connection on loopback: what the server thinks of the client. */
async function handshake(client: KeyPair, trusted: string): Promise<Handshake> {
  const listener = tls.createServer({
    key: server.privateKey,
    cert: server.certificate,
    ca: trusted,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const seen = new Promise<Handshake>((resolve) => {
    listener.once('secureConnection', (socket) => {
      const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined;
      resolve({ authorized: socket.authorized, commonName: subject?.CN });
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    ca: ca.certificate,
    key: client.privateKey,
    cert: client.certificate,
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity('127.0.0.1', certificate),
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const result = await seen;
  socket.destroy();
  listener.close();
  return result;
}

describe('certificates in a TLS handshake', () => {
  it('authenticate both sides', async () => {
    expect(await handshake(admin, ca.certificate)).toEqual({ authorized: true, commonName: 'kubernetes-admin' });
  });

  it('do not authenticate a client of another authority', async () => {
    const order = { ca: otherCa, commonName: 'kubernetes-admin', usages: ['client'] as const, ...issuance };
    expect((await handshake(await issueCertificate(order), ca.certificate)).authorized).toBe(false);
  });

  it('do not authenticate an expired client', async () => {
    const order = { ca, commonName: 'late', usages: ['client'] as const, ...issuance, notAfterMs: nowMs - 60_000 };
    expect((await handshake(await issueCertificate(order), ca.certificate)).authorized).toBe(false);
  });

  it('do not let a server certificate act as a client', async () => {
    expect((await handshake(server, ca.certificate)).authorized).toBe(false);
  });
});

describe('pki-inspect', () => {
  it('makes signing keys whose public half follows from the private one', () => {
    const pair = generateSigningKey();
    expect(publicKeyOf(pair.privateKey)).toBe(pair.publicKey);
  });

  it('canonicalIp() gives one spelling to one address', () => {
    expect(canonicalIp('FD00:0:0:0::1')).toBe('fd00::1');
    expect(canonicalIp('10.0.0.1')).toBe('10.0.0.1');
  });

  it('leaves TLS whole in a process that reads a certificate before it needs TLS', () => {
    const script = [
      `import { readCertificate } from ${JSON.stringify(join(import.meta.dirname, 'pki-inspect.ts'))};`,
      `readCertificate(process.env.CERTIFICATE);`,
      `const tls = await import('node:tls');`,
      `console.log(typeof tls.createSecureContext);`,
    ].join('\n');
    const env = { ...process.env, CERTIFICATE: server.certificate };
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    expect(spawnSync(process.execPath, args, { env, encoding: 'utf8' }).stdout).toBe('function\n');
  });
});
