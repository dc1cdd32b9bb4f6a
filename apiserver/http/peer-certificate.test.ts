/** Whom the listener takes the holder of a certificate for, over real TLS. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { request as httpsRequest } from 'node:https';
import type { ApiRequest } from '../../api/machinery/handler.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { KeyPair } from '../../base/pki.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { objectResponse } from '../responses.ts';
import type { HttpServer } from './http-server.ts';
import { createHttpServer } from './http-server.ts';

const nowMs = realClock.now();
const issuance = { nowMs, notAfterMs: nowMs + 3_600_000, random: realRandom };
const authority = (commonName: string): Promise<KeyPair> => createCertificateAuthority({ commonName, ...issuance });
const clientOf = (ca: KeyPair): Promise<KeyPair> =>
  issueCertificate({ ca, commonName: 'jane', organizations: ['system:masters'], usages: ['client'], ...issuance });

let ca: KeyPair;
let frontProxyCa: KeyPair;
let server: HttpServer;
let address: AddressInfo;
let last: ApiRequest;

beforeAll(async () => {
  [ca, frontProxyCa] = await Promise.all([authority('kubernetes'), authority('front-proxy-ca')]);
  const names = { commonName: 'server', ipAddresses: ['127.0.0.1'], usages: ['server'] as const };
  const leaf = await issueCertificate({ ca, ...names, ...issuance });
  server = createHttpServer({
    handler: (request) => {
      last = request;
      return Promise.resolve(objectResponse({}));
    },
    certificate: leaf.certificate,
    key: leaf.privateKey,
    clientCa: ca.certificate,
    frontProxyCa: frontProxyCa.certificate,
    log: silentLogger,
  });
  address = await server.listen(0, '127.0.0.1');
});
afterAll(() => server.close());

async function ask(pair: KeyPair | undefined): Promise<ApiRequest> {
  const identity = pair === undefined ? {} : { cert: pair.certificate, key: pair.privateKey };
  const session = connect(`https://127.0.0.1:${address.port}`, { ca: ca.certificate, ...identity });
  try {
    await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':path': '/x', 'x-remote-group': ['a', 'b, c'] });
      stream.on('error', reject).on('end', resolve).resume();
    });
    return last;
  } finally {
    session.close();
  }
}

describe('peerReader() [A36]', () => {
  it('tells a user of the cluster from a front proxy of the same name', async () => {
    const user = (await ask(await clientOf(ca))).peerCertificate;
    expect(user).toMatchObject({ commonName: 'jane', organizations: ['system:masters'] });
    expect(user).not.toHaveProperty('isFrontProxy');
    const proxy = (await ask(await clientOf(frontProxyCa))).peerCertificate;
    expect(proxy).toMatchObject({ commonName: 'jane', isFrontProxy: true });
  });

  it('knows no certificate of another authority, not even of one of the same name', async () => {
    const { peerCertificate } = await ask(await clientOf(await authority('kubernetes')));
    expect(peerCertificate).toBeUndefined();
    expect((await ask(undefined)).peerCertificate).toBeUndefined();
  });
});

describe('rawHeaders', () => {
  const groupsOf = ({ rawHeaders = [] }: ApiRequest): string[] =>
    rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'x-remote-group');

  it('has each value as it was sent, over HTTP/2 and HTTP/1.1', async () => {
    expect(groupsOf(await ask(undefined))).toEqual(['a', 'b, c']);
    await new Promise((resolve, reject) => {
      const headers = { 'X-Remote-Group': ['a', 'b, c'] };
      const options = { host: '127.0.0.1', port: address.port, ca: ca.certificate, agent: false as const, headers };
      const request = httpsRequest(options, (response) => response.on('end', resolve).resume());
      request.on('error', reject).end();
    });
    expect(groupsOf(last)).toEqual(['a', 'b, c']);
  });
});
