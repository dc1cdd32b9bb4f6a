/** CertificateSigningRequests from request to certificate, and who may do what with them. */
import type { webcrypto } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CertificateSigningRequest } from '../api/certificates/v1/certificate-signing-request.ts';
import { certificateSigningRequests } from '../api/certificates/v1/certificate-signing-request.ts';
import { parseCertificateRequest } from '../api/certificates/v1/pem.ts';
import { requestFor } from '../api/certificates/v1/testing.ts';
import { kindUnderTest } from '../api/kind-testing.ts';
import type { Status } from '../api/machinery/errors.ts';
import type { UserInfo } from '../api/machinery/handler.ts';
import type { TestResponse, TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const MERGE = 'application/merge-patch+json';
const jane: UserInfo = {
  name: 'jane',
  uid: 'u1',
  groups: ['staff', 'system:authenticated'],
  extra: { team: ['a', 'b'] },
};

const RSA: webcrypto.RsaHashedKeyGenParams = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};

let server: TestServer;
let request: string;
beforeAll(async () => {
  request = await requestFor('CN=jane, O=staff, O=ops');
  server = await startTestServer({
    // The right to approve is had for a signer, the right to sign for a domain.
    authorize: ({ user, verb, resource, name }) => {
      const isAllowed =
        resource !== 'signers' ||
        user.name === 'admin' ||
        (user.name === 'jane' && verb === 'approve' && name === 'example.com/mine') ||
        (user.name === 'jane' && verb === 'sign' && name === 'example.com/*');
      return { decision: isAllowed ? 'allow' : 'no-opinion', reason: '' };
    },
  });
});
afterAll(() => server.close());

const spec = (more: object = {}): object => ({
  request,
  signerName: 'example.com/mine',
  usages: ['client auth'],
  ...more,
});
const message = ({ body }: TestResponse): string | undefined => (body as Status).message;
const make = (name: string, more: object = {}, user = jane): Promise<TestResponse> =>
  server.send('POST', REQUESTS, { body: { metadata: { name }, spec: spec(more) }, user });
const condition = (type: string): object => ({ type, status: 'True', reason: 'r', message: 'm' });
const patch = (url: string, status: object, user = jane): Promise<TestResponse> =>
  server.send('PATCH', `${REQUESTS}/${url}`, { body: { status }, contentType: MERGE, user });

describe('parseCertificateRequest()', () => {
  it('reads subject and signature, whatever the key', async () => {
    expect(parseCertificateRequest(request)).toMatchObject({
      commonName: 'jane',
      organizations: ['staff', 'ops'],
      signatureProblem: '',
    });
    expect(parseCertificateRequest(await requestFor('CN=x', { algorithm: RSA })).signatureProblem).toBe('');
  });

  it('refuses what was changed, cut or is something else', () => {
    const pem = Buffer.from(request, 'base64').toString();
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const repack = (bytes: Buffer): string =>
      Buffer.from(
        `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
      ).toString('base64');
    const forged = Buffer.from(der);
    forged[forged.indexOf('jane')] = 'b'.charCodeAt(0);
    expect(parseCertificateRequest(repack(forged)).signatureProblem).toBe('x509: signature verification failed');
    for (let length = 0; length < der.length; length += 7)
      expect(() => parseCertificateRequest(repack(der.subarray(0, length)))).toThrow('asn1');
    expect(() => parseCertificateRequest('')).toThrow('PEM block type must be CERTIFICATE REQUEST');
  });
});

describe('a request', () => {
  it('says who made it, whatever it says itself', async () => {
    const made = await make('mine', { username: 'root', groups: ['system:masters'], uid: 'x', extra: { a: ['b'] } });
    expect(made.status).toBe(201);
    const { spec: stored, status } = made.body as CertificateSigningRequest;
    expect(stored).toMatchObject({ username: 'jane', uid: 'u1', groups: jane.groups, extra: { team: ['a', 'b'] } });
    expect(status).toEqual({});
  });

  it.each([
    [{ request: 'aGVsbG8=' }, 'spec.request: Invalid value: "aGVsbG8=": PEM block type must be CERTIFICATE REQUEST'],
    [{ usages: [] }, 'spec.usages: Required value'],
    [{ usages: ['flying'] }, 'spec.usages[0]: Unsupported value: "flying"'],
    [{ usages: ['any', 'any'] }, 'spec.usages[1]: Duplicate value: "any"'],
    [{ signerName: 'mine' }, 'spec.signerName: Invalid value: "mine": must be a fully qualified domain and path'],
    [{ signerName: 'kubernetes.io/legacy-unknown' }, 'the legacy signerName is not allowed via this API version'],
    [
      { expirationSeconds: 599 },
      'spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds',
    ],
  ])('is refused with %j', async (more, expected) => {
    const answer = await make('bad', more);
    expect(answer.status).toBe(422);
    expect(message(answer)).toContain(expected);
  });

  it('is not for the group that may do everything', async () => {
    const masters = await requestFor('CN=jane, O=system:masters');
    const signerName = 'kubernetes.io/kube-apiserver-client';
    expect(message(await make('masters', { request: masters, signerName }))).toBe(
      'certificatesigningrequests.certificates.k8s.io "masters" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
    );
    expect((await make('masters', { request: masters })).status).toBe(201);
  });

  it('is approved by /approval alone, and then signed by /status alone', async () => {
    await make('life');
    await server.send('PATCH', `${REQUESTS}/life`, {
      body: { spec: { signerName: 'other.com/x' }, status: { conditions: [condition('Approved')] } },
      contentType: MERGE,
    });
    const before = await server.call<CertificateSigningRequest>('GET', `${REQUESTS}/life`);
    expect([before.spec.signerName, before.status]).toEqual(['example.com/mine', {}]);
    expect(message(await patch('life/status', { conditions: [condition('Approved')] }))).toContain(
      'updates may not add a condition of type "Approved"',
    );
    const approved = await patch('life/approval', { conditions: [condition('Approved')], certificate: 'aGVsbG8=' });
    expect(approved.status).toBe(200);
    expect((approved.body as CertificateSigningRequest).status).toEqual({
      conditions: [
        { ...condition('Approved'), lastUpdateTime: expect.any(String), lastTransitionTime: expect.any(String) },
      ],
    });
    expect(message(await patch('life/approval', { conditions: [] }))).toContain(
      'updates may not remove a condition of type "Approved"',
    );
    const both = { conditions: [condition('Approved'), condition('Denied')] };
    expect(message(await patch('life/approval', both))).toContain(
      'Approved and Denied conditions are mutually exclusive',
    );
    expect(message(await patch('life/status', { certificate: 'aGVsbG8=' }))).toContain(
      'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
    );
  });

  it('is approved and signed by whom its signer lets', async () => {
    await make('foreign', { signerName: 'other.com/theirs' });
    expect(message(await patch('foreign/approval', { conditions: [condition('Approved')] }))).toBe(
      'certificatesigningrequests.certificates.k8s.io "foreign" is forbidden: user not permitted to approve requests with signerName "other.com/theirs"',
    );
    expect(message(await patch('foreign/status', { conditions: [condition('Failed')] }))).toBe(
      'certificatesigningrequests.certificates.k8s.io "foreign" is forbidden: user not permitted to sign requests with signerName "other.com/theirs"',
    );
    await make('own');
    expect((await patch('own/status', { conditions: [condition('Failed')] })).status).toBe(200);
  });

  it('is selected by its signer, and shows what was decided', async () => {
    const list = await server.call<{ items: unknown[] }>(
      'GET',
      `${REQUESTS}?fieldSelector=spec.signerName=other.com/theirs`,
    );
    expect(list.items).toHaveLength(1);
    const { cells } = kindUnderTest(certificateSigningRequests);
    const status = { conditions: [condition('Approved')], certificate: 'x' };
    expect(cells({ spec: { username: 'jane', signerName: 'a.b/c', expirationSeconds: 86_400 }, status })).toMatchObject(
      {
        SignerName: 'a.b/c',
        Requestor: 'jane',
        RequestedDuration: '24h',
        Condition: 'Approved,Issued',
      },
    );
    expect(cells({})).toMatchObject({ RequestedDuration: '<none>', Condition: 'Pending' });
  });
});
