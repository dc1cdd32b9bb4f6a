/** Requests that go on to an aggregated API server, over real TLS. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { inProcessClient } from '../../client/in-process.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { ListeningServer } from '../http/testing.ts';
import { exchange, startListeningServer } from '../http/testing.ts';
import type { Answering, FrontProxy, TestBackend } from './testing.ts';
import { answerJson, createFrontProxy, registerBackend, startBackend } from './testing.ts';

const BASE = '/apis/wardle.example.com/v1alpha1';
const FLUNDERS = `${BASE}/namespaces/default/flunders`;
const REFUSED = { group: 'wardle.example.com', version: 'v1alpha1', scope: 'Namespaced' } as const;

let frontProxy: FrontProxy;
let server: ListeningServer;
let backend: TestBackend;
let answering: Answering;

const authorize: Authorizer = ({ resource }) =>
  resource === 'secrets' ? { decision: 'deny', reason: 'not yours' } : { decision: 'allow', reason: '' };

beforeAll(async () => {
  frontProxy = await createFrontProxy();
  backend = await startBackend(frontProxy, (request, response) => answering(request, response));
  server = await startListeningServer({ frontProxy: frontProxy.identity, authorize });
});
beforeEach(() => {
  backend.requests.length = 0;
  answering = (_, response) => answerJson(response, { kind: 'Flunder' });
});
afterEach(() => server.call('DELETE', apiServices));
afterAll(async () => {
  await server?.close();
  await backend?.close();
});

const apiServices = '/apis/apiregistration.k8s.io/v1/apiservices';

describe('withAggregation() [A36]', () => {
  it('sends a request on as its user, with path, query and body, and gives the answer', async () => {
    await registerBackend(server, backend);
    let sent = '';
    answering = async (request, response) => {
      sent = await text(request);
      response.setHeader('x-own', ['a', 'b']);
      answerJson(response, { made: true }, 201);
    };
    const user = { name: 'jane', groups: ['devs', 'system:authenticated'], extra: { 'a/b': ['c'] } };
    const body = { kind: 'Flunder', metadata: { name: 'one' } };
    const answer = await server.send('POST', `${FLUNDERS}?dryRun=All&fieldManager=a%26b`, { body, user });
    expect(answer).toMatchObject({ status: 201, body: { made: true }, headers: { 'x-own': 'a, b' } });
    expect(JSON.parse(sent)).toEqual(body);
    expect(backend.requests).toMatchObject([
      {
        method: 'POST',
        url: `${FLUNDERS}?dryRun=All&fieldManager=a%26b`,
        caller: 'front-proxy-client',
        headers: {
          host: [`sample.default.svc:${backend.port}`],
          'content-length': [String(JSON.stringify(body).length)],
          'x-remote-user': ['jane'],
          'x-remote-group': ['devs', 'system:authenticated'],
          'x-remote-extra-a%2fb': ['c'],
        },
      },
    ]);
  });

  it('asks only after authorization, and only for the path that was authorized', async () => {
    await registerBackend(server, backend);
    const denied = await server.send('GET', `${BASE}/namespaces/default/secrets`);
    expect(denied).toMatchObject({ status: 403, body: { details: { group: 'wardle.example.com', kind: 'secrets' } } });
    for (const path of ['..', '%2e%2E', '..%2Fx', 'a%2F..%2F..%2Fb', '.'].map(
      (dots) => `${BASE}/flunders/${dots}/secrets`,
    ))
      expect((await server.send('GET', path)).status).toBe(404);
    expect(backend.requests).toEqual([]);
  });

  it('leaves everything else to this server', async () => {
    await registerBackend(server, backend);
    expect((await server.send('GET', '/api/v1/namespaces')).status).toBe(200);
    expect((await server.send('GET', '/apis/wardle.example.com/v1beta1/flunders')).status).toBe(404);
    await server.call('DELETE', `${apiServices}/v1alpha1.wardle.example.com`);
    expect((await server.send('GET', FLUNDERS)).status).toBe(404);
    expect(backend.requests).toEqual([]);
  });

  it('says so when the server is not available, in words that no JSON is', async () => {
    await registerBackend(server, backend, { unavailable: 'MissingEndpoints' });
    const answer = await server.send('GET', FLUNDERS);
    expect(answer).toMatchObject({ status: 503, body: 'service unavailable\n' });
    expect(backend.requests).toEqual([]);
    const client = inProcessClient({ handler: server.api.handler, user: { name: 'a', groups: [] }, userAgent: 'test' });
    const list = client.list({ ...REFUSED, names: { plural: 'flunders', kind: 'Flunder' } }, { namespace: 'default' });
    await expect(list).rejects.toMatchObject({ code: 503, message: 'service unavailable' });
  });

  it('believes no server with another certificate, unless it is told to', async () => {
    const stranger = await startBackend(frontProxy, (_, response) => answerJson(response, {}), {
      dnsName: 'other.default.svc',
    });
    try {
      await registerBackend(server, stranger);
      const named = await server.send('GET', FLUNDERS);
      expect(named).toMatchObject({ status: 503, body: expect.stringContaining('valid for other.default.svc, not') });
      await registerBackend(server, { ...stranger, caBundle: backend.caBundle }, { version: 'v2' });
      const unsigned = await server.send('GET', `/apis/wardle.example.com/v2/flunders`);
      expect(unsigned.body).toContain('certificate signed by unknown authority');
      expect(stranger.requests).toEqual([]);
      const spec = { insecureSkipTLSVerify: true, caBundle: undefined };
      await registerBackend(server, stranger, { version: 'v3', spec });
      expect((await server.send('GET', `/apis/wardle.example.com/v3/flunders`)).status).toBe(200);
    } finally {
      await stranger.close();
    }
  });

  it('refuses to be sent elsewhere (CVE-2022-3172)', async () => {
    await registerBackend(server, backend);
    answering = (_, response) => void response.writeHead(307, { location: 'https://example.com/' }).end();
    const answer = await server.send('GET', FLUNDERS);
    const body = 'the backend attempted to redirect this request, which is not permitted\n';
    expect(answer).toMatchObject({ status: 502, body });
    expect(answer.headers).not.toHaveProperty('location');
  });

  it('passes a watch on as it comes, and ends it with the client', async () => {
    await registerBackend(server, backend);
    let ended: Promise<unknown> | undefined;
    answering = (request, response) => {
      ended = new Promise((resolve) => request.on('close', resolve));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"type":"ADDED","object":{"metadata":{"name":"one"}}}\n{"type":"ADDED",');
      response.write('"object":{"metadata":{"name":"two"}}}\n');
    };
    const stop = new AbortController();
    const events = await server.watch(`${FLUNDERS}?watch=1`, stop.signal).catch(() => undefined);
    expect(events).toBeUndefined();
    const client = inProcessClient({ handler: server.api.handler, user: { name: 'a', groups: [] }, userAgent: 'test' });
    const kind = { ...REFUSED, names: { plural: 'flunders', kind: 'Flunder' } };
    const names: unknown[] = [];
    for await (const batch of client.watch(kind, { namespace: 'default', signal: stop.signal })) {
      names.push(...batch.map(({ object }) => object.metadata.name));
      if (names.length === 2) stop.abort();
    }
    expect(names).toEqual(['one', 'two']);
    await ended;
  });

  it('streams a long answer, and breaks it off where the server does', async () => {
    await registerBackend(server, backend);
    const chunk = Buffer.alloc(1 << 16, 'x');
    answering = async (request, response) => {
      for (let i = 0; i < 32; i++)
        if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
      if (request.url?.includes('broken')) response.destroy();
      else response.end();
    };
    const { text: whole } = await server.fetch(FLUNDERS);
    expect(whole).toHaveLength(32 << 16);
    const session = server.connect();
    await expect(exchange(session, `${FLUNDERS}?broken`)).rejects.toThrow();
    session.destroy();
  });

  it('passes a body on as it comes, larger than any that this server reads itself', async () => {
    await registerBackend(server, backend);
    answering = async (request, response) => {
      let size = 0;
      for await (const chunk of request as AsyncIterable<Buffer>) size += chunk.length;
      answerJson(response, { size });
    };
    const request = { method: 'POST', body: Buffer.alloc(4 << 20, 'x') };
    const answer = await server.fetch(FLUNDERS, { 'content-type': 'application/octet-stream' }, request);
    expect(JSON.parse(answer.text)).toEqual({ size: 4 << 20 });
    const own = await server.fetch('/api/v1/namespaces/default/configmaps', {}, request);
    expect(own.status).toBe(413);
    const denied = await server.fetch(`${BASE}/namespaces/default/secrets`, {}, request);
    expect(denied.status).toBe(403);
    expect(backend.requests).toHaveLength(1);
  });

  it('tunnels an upgrade, as its user', async () => {
    await registerBackend(server, backend);
    backend.server.once('upgrade', (request: IncomingMessage, socket: Duplex) => {
      const { 'x-remote-user': user, authorization, connection, host } = request.headers;
      const told = JSON.stringify({ url: request.url, user, authorization, connection, host });
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${told}\n`);
      socket.on('data', (chunk: Buffer) => socket.end(`echo ${chunk.toString()}`));
    });
    const socket = connect({ host: '127.0.0.1', port: server.port, ca: server.ca, ALPNProtocols: ['http/1.1'] });
    const head = [
      ...[`GET ${FLUNDERS}/one/exec?command=a HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'],
      ...['Authorization: Bearer t0ken', 'X-Remote-User: root'],
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    let received = '';
    let isSaid = false;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received += chunk.toString();
      if (!isSaid && received.endsWith('}\n')) isSaid = socket.write('hello');
    }
    const [first, , , , told, echo] = received.split(/\r?\n/);
    expect(first).toBe('HTTP/1.1 101 Switching Protocols');
    expect(JSON.parse(told!)).toEqual({
      url: `${FLUNDERS}/one/exec?command=a`,
      user: 'system:anonymous',
      connection: 'Upgrade',
      host: `sample.default.svc:${backend.port}`,
    });
    expect(echo).toBe('echo hello');
  });
});
