/** The API port as raw sockets see it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { silentLogger } from '../../base/log.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import type { KeyPair } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { errorResponse } from '../responses.ts';
import { badRequest } from '../../api/machinery/errors.ts';
import { createHttpServer } from './http-server.ts';
import type { HttpServer } from './http-server.ts';

let ca: KeyPair;
let server: HttpServer;
let port = 0;
const asked: string[] = [];

beforeAll(async () => {
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  ca = await createCertificateAuthority({ commonName: 'test', ...issuance });
  const leaf = await issueCertificate({
    ca,
    commonName: 'server',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    ...issuance,
  });
  server = createHttpServer({
    handler({ method, path }) {
      asked.push(`${method} ${path}`);
      return Promise.resolve(errorResponse(badRequest('Upgrade request required')));
    },
    certificate: leaf.certificate,
    key: leaf.privateKey,
    clientCa: ca.certificate,
    log: silentLogger,
  });
  ({ port } = await server.listen(0, '127.0.0.1'));
});
afterAll(() => server.close());

const open = (): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: ca.certificate, ALPNProtocols: ['http/1.1'] });
    socket.on('error', reject);
    socket.on('secureConnect', () => resolve(socket));
  });

describe('createHttpServer()', () => {
  it('answers a refused upgrade and closes: what follows on the connection is no request (CVE-2018-1002105)', async () => {
    const socket = await open();
    const head = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n';
    socket.write(`POST /exec HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\nGET /secrets HTTP/1.1\r\nHost: x\r\n\r\n`);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await new Promise((resolve) => socket.on('close', resolve));
    expect(answer).toMatch(
      /^HTTP\/1\.1 400 [^]*Connection: close\r\n\r\n\{.*"message":"Upgrade request required".*\}\n?$/,
    );
    expect(asked).toEqual(['POST /exec']);
  });

  (existsSync('/proc/net/tcp') ? it : it.skip)('looks after clients that say nothing', async () => {
    const socket = await open();
    const hex = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');
    const addresses = `0100007F:${hex(port)} 0100007F:${hex(socket.localPort!)}`;
    // sl local remote state queues timer: 02 is TCP's keep-alive.
    const lineOf = (): string =>
      readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .find((one) => one.includes(addresses)) ?? '';
    for (let i = 0; i < 200 && !/ 02:/.test(lineOf()); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(lineOf()).toMatch(/ 01 0{8}:0{8} 02:/);
    socket.destroy();
  });

  it('ends also while somebody is connected who never speaks', async () => {
    const socket = connectTcp(port, '127.0.0.1');
    const gone = new Promise((resolve) => socket.on('close', resolve));
    await new Promise((resolve) => socket.on('connect', resolve));
    await server.close();
    await gone;
  });
});
