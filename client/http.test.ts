import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createSecureServer } from 'node:http2';
import type { Http2SecureServer, ServerHttp2Session, ServerHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { ApiError } from '../api/machinery/errors.ts';
import { createCertificateAuthority, issueCertificate } from '../base/pki.ts';
import type { KeyPair } from '../base/pki.ts';
import { realRandom } from '../base/random.ts';
import { httpClient } from './http.ts';
import type { HttpClient, HttpClientOptions } from './http.ts';
import { ManualClock } from './manual-clock.ts';
import { configMaps } from './memory-server.ts';

let ca: KeyPair;
let leaf: KeyPair;
beforeAll(async () => {
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  ca = await createCertificateAuthority({ commonName: 'test-ca', ...issuance });
  leaf = await issueCertificate({
    commonName: 'server',
    ipAddresses: ['127.0.0.1'],
    ca,
    usages: ['server'],
    ...issuance,
  });
});

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Fake {
  server: Http2SecureServer;
  sessions: ServerHttp2Session[];
  connect(more?: Partial<HttpClientOptions>): HttpClient;
}

/** A server that answers as it is told. */
async function serve(answer: Answer): Promise<Fake> {
  const server = createSecureServer({ key: leaf.privateKey, cert: leaf.certificate });
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    answer(stream, headers);
  });
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  cleanups.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const connect = (more: Partial<HttpClientOptions> = {}): HttpClient => {
    const client = httpClient({ server: `https://127.0.0.1:${port}`, ca: ca.certificate, userAgent: 'test', ...more });
    cleanups.push(() => client.close());
    return client;
  };
  return { server, sessions, connect };
}

/** Passes bytes on until it is told not to. */
async function proxyTo(target: number): Promise<{ port: number; goSilent(): void }> {
  const sockets: Socket[] = [];
  const proxy = createServer((near) => {
    const far = createConnection(target, '127.0.0.1');
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const goSilent = (): void => {
    for (const socket of sockets) socket.unpipe();
  };
  return { port: (proxy.address() as AddressInfo).port, goSilent };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const respondWith = (
  stream: ServerHttp2Stream,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void => {
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
  stream.end(JSON.stringify(value));
};

const get = (client: HttpClient): Promise<unknown> => client.get(configMaps, { namespace: 'ns', name: 'a' });
const failure = async (attempt: Promise<unknown>): Promise<ApiError> => {
  const error: unknown = await attempt.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
};
const object = { metadata: { name: 'a' } };

describe('httpClient()', () => {
  it('sends who it is, with the token of the moment', async () => {
    const seen: (string | string[] | undefined)[] = [];
    const { connect } = await serve((stream, headers) => {
      seen.push(headers.authorization, headers['user-agent'], headers[':path']);
      respondWith(stream, object);
    });
    let count = 0;
    const client = connect({ token: () => `t${++count}` });
    await get(client);
    await get(client);
    const path = '/api/v1/namespaces/ns/configmaps/a';
    expect(seen).toEqual(['Bearer t1', 'test', path, 'Bearer t2', 'test', path]);
  });

  it('uses one connection for everything, and a new one when it is gone', async () => {
    const { sessions, connect } = await serve((stream) => respondWith(stream, object));
    const client = connect();
    await Promise.all([get(client), get(client), get(client)]);
    expect(sessions).toHaveLength(1);
    const closed = new Promise((resolve) => sessions[0]!.once('close', resolve));
    sessions[0]!.destroy();
    await closed;
    // The client may learn of it only with the next request.
    await get(client).catch(() => undefined);
    expect(await get(client)).toEqual(object);
    expect(sessions).toHaveLength(2);
  });

  it('opens a new connection after GOAWAY, while old requests finish', async () => {
    const open: ServerHttp2Stream[] = [];
    const { sessions, connect } = await serve((stream) => {
      if (open.length === 0) open.push(stream);
      else respondWith(stream, object);
    });
    const client = connect();
    const slow = get(client);
    while (open.length === 0) await pause(5);
    sessions[0]!.goaway(0, open[0]!.id!);
    await pause(50);
    expect(await get(client)).toEqual(object);
    respondWith(open[0]!, { metadata: { name: 'slow' } });
    expect(await slow).toEqual({ metadata: { name: 'slow' } });
    expect(sessions).toHaveLength(2);
  });

  it('does not talk to a server whose certificate it cannot verify', async () => {
    const other = await createCertificateAuthority({
      commonName: 'other',
      nowMs: Date.now(),
      notAfterMs: Date.now() + 60_000,
      random: realRandom,
    });
    let requests = 0;
    const { connect } = await serve((stream) => {
      requests++;
      respondWith(stream, object);
    });
    const error = await failure(get(connect({ ca: other.certificate, token: 'secret' })));
    expect([error.code, requests]).toEqual([503, 0]);
    expect((await failure(get(connect({ serverName: 'other.example' })))).message).toContain('other.example');
  });

  it('refuses plain HTTP', () => {
    expect(() => httpClient({ server: 'http://127.0.0.1:1', ca: '', userAgent: 'test' })).toThrow('https://');
  });

  it('says 503 when nobody answers there', async () => {
    const { server, sessions, connect } = await serve((stream) => respondWith(stream, object));
    const client = connect();
    await new Promise((resolve) => server.close(resolve));
    expect((await failure(get(client))).code).toBe(503);
    expect(sessions).toHaveLength(0);
  });

  it('says 503 when the connection breaks in the middle of an answer', async () => {
    const { sessions, connect } = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('{"metadata":');
      setTimeout(() => sessions[0]!.destroy(), 20);
    });
    expect((await failure(get(connect()))).code).toBe(503);
  });

  it('gives up after the deadline', async () => {
    const { connect } = await serve(() => undefined);
    const error = await failure(get(connect({ requestTimeoutMs: 50 })));
    expect([error.code, error.message]).toEqual([504, 'no answer to GET within 50 ms']);
  });

  it('tries again when the server names a time, ten times at most', async () => {
    let requests = 0;
    const status = { kind: 'Status', message: 'too many', reason: 'TooManyRequests', code: 429 };
    const { connect } = await serve((stream) => {
      if (++requests < 3) respondWith(stream, status, 429, { 'retry-after': '0' });
      else respondWith(stream, object);
    });
    expect(await get(connect())).toEqual(object);
    requests = -100;
    expect((await failure(get(connect()))).code).toBe(429);
    expect(requests).toBe(-90);
  });

  it('makes an error of an answer that is not from an API server', async () => {
    const { connect } = await serve((stream) => {
      stream.respond({ ':status': 502, 'content-type': 'text/html' });
      stream.end('<h1>Bad gateway</h1>');
    });
    expect(await failure(get(connect()))).toMatchObject({ code: 502, message: '<h1>Bad gateway</h1>' });
  });

  it('reads watch events however they are cut into chunks', async () => {
    const text = ['a', 'ü', 'c']
      .map((name) => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`)
      .join('');
    const { connect } = await serve((stream) => {
      stream.respond({ ':status': 200 });
      const bytes = Buffer.from(text);
      void (async () => {
        for (const byte of bytes) {
          stream.write(Uint8Array.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
        stream.end();
      })();
    });
    const names: (string | undefined)[] = [];
    for await (const batch of connect().watch(configMaps, { signal: new AbortController().signal })) {
      names.push(...batch.map(({ object: { metadata } }) => metadata.name));
    }
    expect(names).toEqual(['a', 'ü', 'c']);
  });

  it('tells the server when a watch is no longer read', async () => {
    const closed: number[] = [];
    const { connect } = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
      stream.on('close', () => closed.push(stream.rstCode));
    });
    for await (const batch of connect().watch(configMaps, { signal: new AbortController().signal })) {
      expect(batch).toHaveLength(1);
      break;
    }
    await pause(50);
    expect(closed).toEqual([8]);
  });

  it('finds out that a silent server is gone', async () => {
    const clock = new ManualClock();
    const { server, connect } = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    });
    const { port, goSilent } = await proxyTo((server.address() as AddressInfo).port);
    const client = connect({ clock, server: `https://127.0.0.1:${port}` });
    const batches = client.watch(configMaps, { signal: new AbortController().signal })[Symbol.asyncIterator]();
    expect(await batches.next()).toMatchObject({ value: [{ type: 'ADDED' }] });
    const next = failure(batches.next());
    clock.advance(30_000);
    // It answered this ping: nothing happens.
    await pause(50);
    clock.advance(20_000);
    goSilent();
    clock.advance(10_000);
    await pause(50);
    clock.advance(15_000);
    expect(await next).toMatchObject({ code: 503, message: 'the server does not answer' });
  });

  it('ends everything when closed', async () => {
    const { connect } = await serve(() => undefined);
    const client = connect();
    const waiting = failure(get(client));
    await pause(50);
    client.close();
    expect((await waiting).code).toBe(503);
    expect((await failure(get(client))).message).toBe('the client is closed');
  });
});
