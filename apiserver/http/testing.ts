/** A test server behind its real listener, for what only sockets show. */
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { createHttpServer } from './http-server.ts';
import type { HttpServerOptions } from './http-server.ts';
import type { TestServer, TestServerOptions } from '../testing.ts';
import { startTestServer } from '../testing.ts';

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  bytes: Buffer;
  text: string;
}

export interface ListeningServer extends TestServer {
  port: number;
  /** PEM of the authority that signed the server's certificate. */
  ca: string;
  /** A connection of HTTP/2, which the caller closes. */
  connect(): ClientHttp2Session;
  /** One request over a connection of its own. */
  fetch(path: string, headers?: Record<string, string>, request?: FetchBody): Promise<HttpAnswer>;
}

export interface FetchBody {
  method?: string;
  body?: string | Uint8Array;
}

/** Every request is an administrator's. */
export async function startListeningServer(
  options: TestServerOptions & { http?: Partial<HttpServerOptions> } = {},
): Promise<ListeningServer> {
  const nowMs = realClock.now();
  const issuance = { nowMs, notAfterMs: nowMs + 3_600_000, random: realRandom };
  const ca = await createCertificateAuthority({ commonName: 'test', ...issuance });
  const address = { ipAddresses: ['127.0.0.1'], usages: ['server'] as const };
  const leaf = await issueCertificate({ ca, commonName: 'server', ...issuance, ...address, usages: ['server'] });
  const server = await startTestServer(options);
  const listener = createHttpServer({
    handler: server.api.handler,
    certificate: leaf.certificate,
    key: leaf.privateKey,
    clientCa: ca.certificate,
    passesBody: server.api.passesBody,
    log: silentLogger,
    ...options.http,
  });
  const { port } = await listener.listen(0, '127.0.0.1');
  const open = (): ClientHttp2Session => {
    const session = connect(`https://127.0.0.1:${port}`, { ca: ca.certificate });
    session.on('error', () => undefined);
    return session;
  };
  return {
    ...server,
    port,
    ca: ca.certificate,
    connect: open,
    async fetch(path, headers = {}, request = {}) {
      const session = open();
      try {
        return await exchange(session, path, { headers, request });
      } finally {
        session.destroy();
      }
    },
    async close() {
      await listener.close();
      await server.close();
    },
  };
}

/** One request over a connection that stays open. */
export function exchange(
  session: ClientHttp2Session,
  path: string,
  { headers = {}, request = {} }: { headers?: Record<string, string>; request?: FetchBody } = {},
): Promise<HttpAnswer> {
  const { method = 'GET', body } = request;
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: false });
    const chunks: Buffer[] = [];
    let answered: Record<string, string | string[] | undefined> = {};
    stream.on('response', (response) => (answered = response as typeof answered));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const bytes = Buffer.concat(chunks);
      resolve({ status: Number(answered[':status']), headers: answered, bytes, text: bytes.toString() });
    });
    stream.end(body);
  });
}
