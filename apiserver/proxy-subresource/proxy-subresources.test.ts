/** Requests through the listener to servers that stand for pods and kubelets, over real sockets. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { Agent, createServer as createTlsServer, request as httpsRequest } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { once } from 'node:events';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import type { KeyPair } from '../../base/pki.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import type { Attributes } from '../authz/authorizer.ts';
import { exchange, startListeningServer } from '../http/testing.ts';
import type { ListeningServer } from '../http/testing.ts';
import type { ServerParts } from '../api-server.ts';
import { Backends } from './backend.ts';
import { isProxiedKind, proxySubresource } from './proxy-subresources.ts';

const POD = '/api/v1/namespaces/default/pods/web';
const P = `${POD}/proxy`;
const KUBELET_PORT = 10_250;

let server: ListeningServer;
let ca: KeyPair;
let kubeletCertificate: KeyPair;
const asked: Attributes[] = [];
/** Real ports on loopback by the port of the target. */
const routes = new Map<number, number>();
const servers: Server[] = [];
const sockets = new Set<Socket>();

function extend({ router, kinds, listers }: ServerParts): void {
  const credentials = { ca: ca.certificate, certificate: ca.certificate, privateKey: ca.privateKey };
  const backends = new Backends({
    credentials: { ...credentials, certificate: client.certificate, privateKey: client.privateKey },
    route: ({ port }) => ({ host: '127.0.0.1', port: routes.get(port) ?? 1 }),
  });
  const sources = {
    nodes: listers({ group: '', plural: 'nodes' }),
    pods: listers({ group: '', plural: 'pods' }),
    services: listers({ group: '', plural: 'services' }),
    endpoints: listers({ group: '', plural: 'endpoints' }),
  } as unknown as Omit<Parameters<typeof proxySubresource>[1], 'backends' | 'random'>;
  for (const kind of kinds) {
    const { group, names } = kind.resource;
    if (group === '' && isProxiedKind(names.plural))
      router.addSubresource(kind, proxySubresource(names.plural, { ...sources, random: realRandom, backends }));
  }
}
let client: KeyPair;

beforeAll(async () => {
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  ca = await createCertificateAuthority({ commonName: 'test', ...issuance });
  const issue = { ca, ...issuance };
  kubeletCertificate = await issueCertificate({ ...issue, commonName: 'n', dnsNames: ['node-1'], usages: ['server'] });
  client = await issueCertificate({ ...issue, commonName: 'kube-apiserver-kubelet-client', usages: ['client'] });
  server = await startListeningServer({
    extend,
    authorize: (attributes) => {
      asked.push(attributes);
      return { decision: attributes.name === 'secret' ? 'no-opinion' : 'allow', reason: '' };
    },
  });
  const spec = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }] };
  await server.call('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: 'web', labels: { app: 'web' } },
    spec,
  });
  const status = { podIP: '10.0.0.5', podIPs: [{ ip: '10.0.0.5' }] };
  const pod = await server.call<{ status: object }>('GET', POD);
  await server.call('PUT', `${POD}/status`, { ...pod, status: { ...pod.status, ...status } });
  await server.call('POST', '/api/v1/nodes', {
    metadata: { name: 'node-1' },
    status: {
      addresses: [{ type: 'InternalIP', address: '192.0.2.10' }],
      daemonEndpoints: { kubeletEndpoint: { Port: KUBELET_PORT } },
    },
  });
}, 60_000);
afterAll(() => server.close());
beforeEach(() => void (asked.length = 0));
afterEach(async () => {
  routes.clear();
  for (const socket of sockets) socket.destroy();
  for (const one of servers.splice(0)) await new Promise((resolve) => one.close(resolve));
});

async function listen(backend: Server, port: number): Promise<void> {
  servers.push(backend);
  backend.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  routes.set(port, (backend.address() as AddressInfo).port);
}
const serve = (listener: RequestListener, port = 80): Promise<void> => listen(createServer(listener), port);
const sendAll = (headers: Record<string, string>, body: string | Buffer) => (_: unknown, response: ServerResponse) =>
  void response.writeHead(200, headers).end(body);

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
}

/** What the backend was asked. */
async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url, headers } = request;
  const body = (await buffer(request)).toString();
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ method, url, headers, body }));
}

interface Heard {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** Over HTTP/1.1, on a connection of its own. */
function ask1(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise<{ status: number; headers: IncomingMessage['headers']; text: string }>((resolve, reject) => {
    const about = { host: '127.0.0.1', port: server.port, ca: server.ca, path, method, headers, agent: false as const };
    const request = httpsRequest(about, (response) => {
      buffer(response).then(
        (bytes) => resolve({ status: response.statusCode!, headers: response.headers, text: bytes.toString() }),
        reject,
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe('a proxy subresource [A27]', () => {
  const VERBS = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete', OPTIONS: '' };

  it.each(Object.entries(VERBS))('passes %s on, for whoever may %s', async (method, verb) => {
    await serve(echo);
    const headers = { authorization: 'Bearer t', 'x-mine': 'yes', cookie: 'a=b' };
    const path = `${P}/a%2Fb/?q=1+2&r&q=%20`;
    const answers = [
      await server.fetch(path, headers, { method, body: 'hello' }),
      await ask1(path, { method, headers: { ...headers, 'content-length': '5' }, body: 'hello' }),
      await ask1(path, { method, headers: { ...headers, 'transfer-encoding': 'chunked' }, body: 'hello' }),
    ];
    for (const { status, text } of answers) {
      const heard = JSON.parse(text) as Heard;
      expect([status, heard.method, heard.url, heard.body]).toEqual([200, method, '/a%2Fb/?q=1+2&r&q=%20', 'hello']);
      expect(heard.headers).toMatchObject({
        host: `127.0.0.1:${server.port}`,
        'x-mine': 'yes',
        cookie: 'a=b',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-uri': `${P}/a%2Fb/`,
      });
      expect(heard.headers).not.toHaveProperty('authorization');
    }
    expect(asked.map((one) => [one.verb, one.resource, one.subresource, one.name, one.namespace])).toEqual(
      Array(3).fill([verb, 'pods', 'proxy', 'web', 'default']),
    );
  });

  it('passes HEAD on, and no body where there is none', async () => {
    await serve((request, response) => {
      if (request.method === 'HEAD')
        response.writeHead(200, { 'content-length': '7', 'content-type': 'text/html' }).end();
      else response.writeHead(Number(request.url!.slice(1))).end();
    });
    for (const answer of [
      await server.fetch(`${P}/x`, {}, { method: 'HEAD' }),
      await ask1(`${P}/x`, { method: 'HEAD' }),
    ])
      expect([answer.status, answer.headers['content-length'], answer.text]).toEqual([200, '7', '']);
    for (const status of [204, 304, 404, 500]) {
      expect((await server.fetch(`${P}/${status}`)).status).toBe(status);
      expect((await ask1(`${P}/${status}`)).status).toBe(status);
    }
  });

  it('sends who asks for no path to the root, and passes on what cannot be sent elsewhere', async () => {
    await serve(echo);
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await server.fetch(`${P}?method=${method}`, {}, { method });
      expect([status, headers['location']]).toEqual([301, `${P}/?method=${method}`]);
    }
    for (const method of ['DELETE', 'OPTIONS', 'PATCH', 'POST', 'PUT']) {
      const { status, text } = await server.fetch(`${P}?method=${method}`, {}, { method });
      expect([status, (JSON.parse(text) as Heard).url]).toEqual([200, `/?method=${method}`]);
    }
  });

  it('refuses whoever may not, what is dry, and paths that are none, before anybody is asked', async () => {
    let count = 0;
    await serve((_request, response) => void (count++, response.end()));
    const refused = await server.fetch(
      '/api/v1/namespaces/default/pods/secret/proxy/x',
      {},
      { method: 'POST', body: 'b' },
    );
    expect([refused.status, (JSON.parse(refused.text) as { message: string }).message]).toEqual([
      403,
      'pods "secret" is forbidden: User "system:anonymous" cannot create resource "pods/proxy" in API group "" in the namespace "default"',
    ]);
    const dry = await server.fetch(`${P}/x?dryRun=All`);
    expect([dry.status, JSON.parse(dry.text)]).toMatchObject([400, { message: 'dryRun is not supported' }]);
    const NONE = ['/api/v1/namespaces/default/nodes/node-1/proxy/x', '/api/v1/namespaces/default/configmaps/a/proxy/x'];
    for (const path of [...NONE, '/api/v1/watch/namespaces/default/pods/web/proxy/x'])
      expect((await server.fetch(path)).status).toBe(404);
    expect(count).toBe(0);
  });

  it('is in discovery, with the verbs that it takes', async () => {
    const { resources } = JSON.parse((await server.fetch('/api/v1')).text) as {
      resources: { name: string; kind: string; verbs: string[] }[];
    };
    const proxies = resources.filter(({ name }) => name.endsWith('/proxy'));
    const verbs = ['create', 'delete', 'get', 'patch', 'update'];
    expect(proxies.map(({ name, kind, verbs }) => ({ name, kind, verbs }))).toEqual([
      { name: 'nodes/proxy', kind: 'NodeProxyOptions', verbs },
      { name: 'pods/proxy', kind: 'PodProxyOptions', verbs },
      { name: 'services/proxy', kind: 'ServiceProxyOptions', verbs },
    ]);
  });
});

describe('bodies', () => {
  it('pass both ways while they come', async () => {
    await serve((request, response) => void request.pipe(response.writeHead(200)));
    const session = server.connect();
    try {
      const stream = session.request({ ':method': 'POST', ':path': `${P}/echo` }, { endStream: false });
      for (const word of ['one', 'two', 'three']) {
        stream.write(word);
        const [chunk] = (await once(stream, 'data')) as [Buffer];
        expect(chunk.toString()).toBe(word);
      }
      stream.end();
      stream.resume();
      await once(stream, 'end');
    } finally {
      session.destroy();
    }
  });

  it('may be larger than what the API server takes for itself', async () => {
    await serve((request, response) => void request.pipe(response.writeHead(200)));
    const body = Buffer.alloc(8_000_000, 'abcdefghijk');
    const session = server.connect();
    try {
      const stream = session.request({ ':method': 'PUT', ':path': `${P}/echo` }, { endStream: false });
      Readable.from(piecesOf(body)).pipe(stream);
      expect((await buffer(stream)).equals(body)).toBe(true);
    } finally {
      session.destroy();
    }
  });

  it('need not be read by a backend that has its answer ready', async () => {
    await serve((_request, response) => void response.writeHead(413).end('too much'));
    const session = server.connect();
    try {
      const request = { method: 'POST', body: Buffer.alloc(1_000_000) };
      const { status, text } = await exchange(session, `${P}/x`, { request });
      expect([status, text]).toEqual([413, 'too much']);
      expect((await exchange(session, `${P}/x`)).status).toBe(413);
    } finally {
      session.destroy();
    }
  });

  it('that nobody reads any more do not hold up the connection', async () => {
    const answer = 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n';
    const deaf = createTcpServer((socket) => void socket.once('data', () => void socket.pause().write(answer)));
    await listen(deaf, 80);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: server.ca });
    const ask = (method: string, path: string, body?: Buffer) =>
      new Promise<number>((resolve, reject) => {
        const options = { host: '127.0.0.1', port: server.port, agent, method, path };
        const request = httpsRequest(options, (response) => {
          response.resume().on('end', () => resolve(response.statusCode!));
        });
        request.on('error', reject);
        request.end(body);
      });
    try {
      expect(await ask('POST', `${P}/x`, Buffer.alloc(20_000_000))).toBe(413);
      // On the same connection, behind the whole body.
      expect(await ask('GET', '/version')).toBe(200);
    } finally {
      agent.destroy();
    }
  });

  it('that break off do not look as if they were whole', async () => {
    await serve((request, response) => {
      response.writeHead(200, { 'content-type': request.url === '/html' ? 'text/html' : 'text/plain' });
      response.write('half', () => response.destroy());
    });
    for (const path of ['text', 'html']) {
      const session = server.connect();
      const stream = session.request({ ':path': `${P}/${path}` });
      stream.resume();
      try {
        await expect(once(stream, 'close')).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
      } finally {
        session.destroy();
      }
      await expect(ask1(`${P}/${path}`)).rejects.toThrow();
    }
  });

  it('end for the backend when the client leaves', async () => {
    const left = new Promise<void>((resolve) => {
      void serve((request, response) => {
        response.writeHead(200);
        response.write('first');
        request.socket.on('close', () => resolve());
      });
    });
    while (routes.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const session = server.connect();
    const stream = session.request({ ':path': `${P}/forever` });
    await once(stream, 'data');
    session.destroy();
    await left;
  });
});

describe('answers', () => {
  it('lead back through the proxy', async () => {
    const html = '<a href="/rewriteme">test</a>';
    const ANSWERS: Record<string, [Record<string, string>, string | Buffer]> = {
      '/html': [{ 'content-type': 'text/html; charset=utf-8', 'content-length': String(html.length) }, html],
      '/gzip': [{ 'content-type': 'text/html', 'content-encoding': 'gzip' }, gzipSync(html)],
      '/text': [{ 'content-type': 'text/plain' }, html],
      '/br': [{ 'content-type': 'text/html', 'content-encoding': 'br' }, html],
    };
    await serve((request, response) => {
      if (request.url === '/moved') return void response.writeHead(302, { location: '/there?x=1' }).end();
      sendAll(...ANSWERS[request.url!]!)(request, response);
    });
    const rewritten = `<a href="${P}/rewriteme">test</a>`;
    expect((await server.fetch(`${P}/html`)).text).toBe(rewritten);
    expect((await ask1(`${P}/html`)).text).toBe(rewritten);
    expect(gunzipSync((await server.fetch(`${P}/gzip`)).bytes).toString()).toBe(rewritten);
    expect((await server.fetch(`${P}/text`)).text).toBe(html);
    expect((await server.fetch(`${P}/br`)).text).toBe(html);
    const moved = await server.fetch(`${P}/moved`);
    expect([moved.status, moved.headers['location']]).toEqual([302, `${P}/there?x=1`]);
  });

  it('may have a long head', async () => {
    const policy = 'x'.repeat(40_000);
    await serve((_request, response) => void response.writeHead(200, { 'content-security-policy': policy }).end());
    expect((await server.fetch(`${P}/x`)).headers['content-security-policy']).toBe(policy);
  });

  it('keep their headers, and are not to be cached', async () => {
    await serve((_request, response) => {
      response.setHeader('set-cookie', ['a=b', 'c=d']);
      response.setHeader('access-control-allow-origin', '*');
      response.setHeader('cache-control', 'max-age=60');
      response.writeHead(418, { 'x-mine': 'yes', connection: 'x-private', 'x-private': '1' }).end();
    });
    for (const { status, headers } of [await server.fetch(`${P}/x`), await ask1(`${P}/x`)]) {
      expect(status).toBe(418);
      expect(headers).toMatchObject({ 'x-mine': 'yes', 'cache-control': 'no-cache, private, max-age=60' });
      expect(headers['set-cookie']).toEqual(['a=b', 'c=d']);
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      expect(headers).not.toHaveProperty('x-private');
    }
  });

  it.each([
    ['nobody listens', () => Promise.resolve(), 'dial tcp 10.0.0.5:80: connect: connection refused'],
    [
      'somebody hangs up',
      () =>
        listen(
          createTcpServer((socket) => void socket.resume().end()),
          80,
        ),
      'EOF',
    ],
    [
      'somebody speaks something else',
      () =>
        listen(
          createTcpServer((socket) => void socket.end('SSH-2.0-x\r\n')),
          80,
        ),
      'Parse Error: Expected HTTP/, RTSP/ or ICE/',
    ],
  ])('are 503 when %s', async (_what, start, cause) => {
    await start();
    const { status, text } = await server.fetch(`${P}/x`, {}, { method: 'POST', body: 'hello' });
    expect([status, JSON.parse(text)]).toMatchObject([
      503,
      { kind: 'Status', reason: 'ServiceUnavailable', message: `error trying to reach service: ${cause}` },
    ]);
  });
});

describe('over TLS', () => {
  const tls = (listener: RequestListener, requestCert = false): Server =>
    createTlsServer(
      {
        cert: kubeletCertificate.certificate,
        key: kubeletCertificate.privateKey,
        ca: ca.certificate,
        requestCert,
        rejectUnauthorized: false,
      },
      listener,
    );

  it('asks a pod whoever signed its certificate, and shows it none', async () => {
    await listen(
      tls((request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        response.end(`tls ${subject?.CN}`);
      }, true) as Server,
      443,
    );
    const { text } = await server.fetch('/api/v1/namespaces/default/pods/https:web:443/proxy/');
    expect(text).toBe('tls undefined');
  });

  it('shows a kubelet the API server’s certificate, on its own port only', async () => {
    const who: RequestListener = (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      response.end(`${request.url} ${subject?.CN}`);
    };
    await listen(tls(who, true) as Server, KUBELET_PORT);
    await listen(tls(who, true) as Server, 9100);
    await serve((request, response) => void response.end(`plain ${request.url}`), 9101);
    const node = (id: string) => server.fetch(`/api/v1/nodes/${id}/proxy/stats/summary?a=b`);
    const asKubelet = '/stats/summary?a=b kube-apiserver-kubelet-client';
    expect((await node('node-1')).text).toBe(asKubelet);
    expect((await node('node-1:10250')).text).toBe(asKubelet);
    expect((await node('https:node-1:9100')).text).toBe('/stats/summary?a=b undefined');
    expect((await node('node-1:9101')).text).toBe('plain /stats/summary?a=b');
  });

  it('takes nobody for a kubelet who has another’s certificate', async () => {
    const { certificate: cert, privateKey: key } = client;
    await listen(
      createTlsServer({ cert, key }, (_request, response) => void response.end('mine')),
      KUBELET_PORT,
    );
    const { status, text } = await server.fetch('/api/v1/nodes/node-1/proxy/x');
    expect([status, text]).toEqual([503, expect.stringContaining('error trying to reach service: ')]);
  });
});

describe('a WebSocket', () => {
  it('is passed on, without the token among its protocols', async () => {
    const backend = createServer();
    const sockets = new WebSocketServer({ server: backend, handleProtocols: (protocols) => [...protocols].at(-1)! });
    const seen: (string | undefined)[] = [];
    sockets.on('connection', (socket, request) => {
      seen.push(request.url, request.headers['sec-websocket-protocol'], request.headers.authorization);
      socket.on('message', (message: Buffer) => socket.send(`got ${message.toString()}`));
    });
    await listen(backend, 80);
    const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('t').toString('base64url')}`;
    const url = `wss://127.0.0.1:${server.port}${P}/chat?room=1`;
    const socket = new WebSocket(url, [token, 'chat'], { ca: server.ca, headers: { authorization: 'Bearer t' } });
    await once(socket, 'open');
    socket.send('hello');
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect([message.toString(), socket.protocol, ...seen]).toEqual([
      'got hello',
      'chat',
      '/chat?room=1',
      'chat',
      undefined,
    ]);
    const closed = once(socket, 'close');
    for (const one of sockets.clients) one.close(4000, 'enough');
    expect((await closed)[0]).toBe(4000);
  });

  it.each([
    ['refuses', (_: unknown, response: ServerResponse) => void response.writeHead(401).end('who?'), 401],
    ['does not know of', (_: unknown, response: ServerResponse) => void response.end('hello'), 500],
  ])('that the backend %s is refused', async (_what, listener, status) => {
    await serve(listener);
    const socket = new WebSocket(`wss://127.0.0.1:${server.port}${P}/chat`, { ca: server.ca });
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(status);
    response.destroy();
  });
});

describe('a Service', () => {
  it('is any of the pods behind it', async () => {
    await serve(echo, 8080);
    const services = '/api/v1/namespaces/default/services';
    const spec = { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] };
    await server.call('POST', services, { metadata: { name: 'web' }, spec });
    const none = await server.fetch(`${services}/web:http/proxy/x`);
    expect([none.status, JSON.parse(none.text)]).toMatchObject([404, { message: 'endpoints "web" not found' }]);
    const targetRef = { kind: 'Pod', namespace: 'default', name: 'web' };
    const subsets = [{ addresses: [{ ip: '10.0.0.5', targetRef }], ports: [{ name: 'http', port: 8080 }] }];
    await server.call('POST', '/api/v1/namespaces/default/endpoints', { metadata: { name: 'web' }, subsets });
    for (const id of ['web:http', 'http:web:http', 'web:80'])
      expect(JSON.parse((await server.fetch(`${services}/${id}/proxy/x`)).text)).toMatchObject({ url: '/x' });
    expect((await server.fetch(`${services}/web:81/proxy/x`)).status).toBe(503);
  });
});
