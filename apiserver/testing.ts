/** An API server in memory for tests, with requests as a transport would make them. */
import { resources } from '../api/resources.ts';
import type { ApiResponse, UserInfo, WatchEvent } from '../api/machinery/handler.ts';
import { loadSchemaTable } from '../api/schema/table.ts';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { ApiServer, ApiServerOptions } from './api-server.ts';
import { createApiServer } from './api-server.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { createMemoryStorage } from './storage/memory.ts';
import type { Storage } from './storage/storage.ts';
import { systemNamespaces } from './system-objects.ts';

export const testAdmin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

export interface TestServer {
  api: ApiServer;
  storage: Storage;
  /** Sends a request; `body` is encoded as JSON unless it is a string. */
  send(method: string, url: string, options?: RequestOptions): Promise<TestResponse>;
  /** Sends and gives the decoded body; throws for a status of 400 or more. */
  call<T = Record<string, unknown>>(method: string, url: string, body?: unknown): Promise<T>;
  watch(url: string, signal: AbortSignal): Promise<AsyncIterator<WatchEvent>>;
  close(): Promise<void>;
}

export interface RequestOptions {
  body?: unknown;
  contentType?: string;
  accept?: string;
  user?: UserInfo;
}

export interface TestResponse {
  status: number;
  headers: ApiResponse['headers'];
  /** Decoded JSON, or text. */
  body: unknown;
}

export interface TestServerOptions {
  authorize?: Authorizer;
  /** Closed with the server. Default: one in memory. */
  storage?: Storage;
  extend?: ApiServerOptions['extend'];
  eventLoop?: ApiServerOptions['eventLoop'];
  eventRateLimits?: ApiServerOptions['eventRateLimits'];
  frontProxy?: ApiServerOptions['frontProxy'];
  /** Default: says nothing. */
  log?: Logger;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const {
    authorize,
    storage = createMemoryStorage(),
    extend,
    eventLoop,
    eventRateLimits,
    frontProxy,
    log = silentLogger,
  } = options;
  const api = createApiServer({
    resources,
    storage,
    schemas: loadSchemaTable(),
    clock: realClock,
    random: realRandom,
    log,
    authenticator: () => () => undefined,
    authorizer: () => authorize ?? (() => ({ decision: 'allow', reason: '' })),
    healthChecks: [],
    serverAddress: () => '127.0.0.1:6443',
    ...(extend && { extend }),
    ...(eventLoop && { eventLoop }),
    ...(eventRateLimits && { eventRateLimits }),
    ...(frontProxy && { frontProxy }),
  });
  await api.start();
  const server = testServer(api, storage);
  const system = [
    ...systemNamespaces().map((namespace) => ['/api/v1/namespaces', namespace] as const),
    ['/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } }] as const,
  ];
  for (const [url, body] of system) {
    const { status } = await server.send('POST', url, { body });
    // Another server may share the storage.
    if (status !== 201 && status !== 409) throw new Error(`POST ${url}: ${status}`);
  }
  return server;
}

function testServer(api: ApiServer, storage: Storage): TestServer {
  const send: TestServer['send'] = async (method, url, options = {}) =>
    decode(await api.handler(requestOf(method, url, options)));
  return {
    api,
    storage,
    send,
    async call<T>(method: string, url: string, body?: unknown) {
      const response = await send(method, url, body === undefined ? {} : { body });
      if (response.status >= 400) throw new Error(`${method} ${url}: ${JSON.stringify(response.body)}`);
      return response.body as T;
    },
    async watch(url, signal) {
      const request = { ...requestOf('GET', url, {}), wantsObjects: true, signal };
      const { body, status } = await api.handler(request);
      if (body.type !== 'events')
        throw new Error(`no watch: ${status} ${JSON.stringify(body.type === 'object' ? body.encoded.object() : body)}`);
      return flatten(body.batches);
    },
    async close() {
      await api.close();
      await storage.close();
    },
  };
}

function requestOf(
  method: string,
  url: string,
  { body, contentType = 'application/json', accept, user = testAdmin }: RequestOptions,
) {
  const [path = '', query = ''] = url.split('?');
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers: { 'content-type': contentType, 'user-agent': 'test/1.0', ...(accept === undefined ? {} : { accept }) },
    ...(text === undefined ? {} : { body: Buffer.from(text) }),
    user,
    signal: new AbortController().signal,
  };
}

async function* flatten(batches: AsyncIterable<readonly WatchEvent[]>): AsyncGenerator<WatchEvent> {
  for await (const batch of batches) yield* batch;
}

async function decode({ status, headers, body }: ApiResponse): Promise<TestResponse> {
  switch (body.type) {
    case 'object':
      return { status, headers, body: JSON.parse(Buffer.from(body.encoded.bytes()).toString()) };
    case 'bytes':
      return { status, headers, body: textOrJson(Buffer.from(body.bytes).toString()) };
    case 'stream': {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body.chunks) chunks.push(chunk);
      return { status, headers, body: textOrJson(Buffer.concat(chunks).toString()) };
    }
    default:
      return { status, headers, body: undefined };
  }
}

function textOrJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
