import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CertificateSigningRequest } from '../../api/certificates/v1/types.ts';
import { requestFor } from '../../api/certificates/v1/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { createCertificateAuthority } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { eventually, runControllers } from '../testing.ts';
import { certificateCleaner, cleanUpAtMs } from './certificate-cleaner.ts';

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const HOUR = 3_600_000;
const made = '2026-01-01T00:00:00Z';
const decided = '2026-01-02T00:00:00Z';
const madeMs = Date.parse(made);
const decidedMs = Date.parse(decided);

function request(types: readonly string[], certificate?: string): CertificateSigningRequest {
  const conditions = types.map((type) => ({ type, status: 'True', lastUpdateTime: decided }));
  return {
    metadata: { name: 'r', creationTimestamp: made },
    spec: { request: '', signerName: 'a.b/c' },
    status: { conditions, ...(certificate === undefined ? {} : { certificate }) },
  } as CertificateSigningRequest;
}

async function certificateUntil(notAfterMs: number): Promise<string> {
  const { certificate } = await createCertificateAuthority({
    commonName: 'x',
    nowMs: madeMs,
    notAfterMs,
    random: realRandom,
  });
  return Buffer.from(certificate).toString('base64');
}

describe('cleanUpAtMs()', () => {
  it('gives who is undecided a day, who is decided an hour', async () => {
    expect(cleanUpAtMs(request([]))).toBe(madeMs + 24 * HOUR);
    expect(cleanUpAtMs(request(['Denied']))).toBe(decidedMs + HOUR);
    expect(cleanUpAtMs(request(['Approved', 'Failed']))).toBe(decidedMs + HOUR);
    expect(cleanUpAtMs(request(['Approved'], await certificateUntil(decidedMs + 10 * HOUR)))).toBe(decidedMs + HOUR);
  });

  it('takes a certificate that has ended before', async () => {
    expect(cleanUpAtMs(request(['Approved'], await certificateUntil(decidedMs + HOUR / 2)))).toBe(decidedMs + HOUR / 2);
  });

  it('leaves what is approved and waits for its signer, and what cannot be read', () => {
    expect(cleanUpAtMs(request(['Approved']))).toBe(Infinity);
    expect(cleanUpAtMs(request(['Approved'], 'bm9uc2Vuc2U='))).toBe(decidedMs + HOUR);
    const undated = { ...request([]), metadata: { name: 'r', creationTimestamp: 'never' } };
    expect(cleanUpAtMs(undated as CertificateSigningRequest)).toBe(Infinity);
  });
});

describe('the cleaner', () => {
  let server: TestServer;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    server = await startTestServer();
    stop = runControllers(server.api.handler, [certificateCleaner]);
  });
  afterAll(async () => {
    await stop();
    await server.close();
  });

  it('deletes a request that was denied long ago, and no other', async () => {
    const spec = { request: await requestFor('CN=jane'), signerName: 'example.com/x', usages: ['client auth'] };
    for (const name of ['old', 'recent']) await server.call('POST', REQUESTS, { metadata: { name }, spec });
    const deny = (name: string, more: object): Promise<unknown> =>
      server.send('PATCH', `${REQUESTS}/${name}/approval`, {
        body: { status: { conditions: [{ type: 'Denied', status: 'True', ...more }] } },
        contentType: 'application/merge-patch+json',
      });
    await deny('recent', {});
    await deny('old', { lastUpdateTime: decided });
    await eventually(async () => ((await server.send('GET', `${REQUESTS}/old`)).status === 404 ? true : undefined));
    expect((await server.send('GET', `${REQUESTS}/recent`)).status).toBe(200);
  });
});
