/** The server under test: in memory, with what a cluster's server has, its writes and its own complaints on record. */
import type { ClientHttp2Session } from 'node:http2';
import type { ApiRequest } from '../../api/machinery/handler.ts';
import type { ServerParts } from '../../apiserver/api-server.ts';
import { createTokenKeys } from '../../apiserver/authn/token-keys.ts';
import { serviceAccountTokenAuthenticator } from '../../apiserver/authn/service-account-token.ts';
import { createRbac } from '../../apiserver/authz/rbac.ts';
import { exchange, startListeningServer } from '../../apiserver/http/testing.ts';
import type { ListeningServer } from '../../apiserver/http/testing.ts';
import { podStreams } from '../../apiserver/kubelet-proxy/pod-streams.ts';
import { serviceAllocationHook } from '../../apiserver/registry/allocators/service-allocation.ts';
import { addReviews } from '../../apiserver/registry/reviews.ts';
import { encodeBody as encodeAnswer } from '../../apiserver/render/encode.ts';
import { createMemoryStorage } from '../../apiserver/storage/memory.ts';
import type { Storage } from '../../apiserver/storage/storage.ts';
import { testAdmin } from '../../apiserver/testing.ts';
import { realClock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { silentLogger } from '../../base/log.ts';
import { generateSigningKey } from '../../base/pki-inspect.ts';
import { realRandom } from '../../base/random.ts';
import { customKinds, CUSTOM_GROUP } from './custom-kinds.ts';
import { encodeBody } from './fuzz-request.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import type { FuzzKind } from './kinds.ts';
import { WatchFollower } from './watch-follower.ts';

export interface FuzzAnswer {
  /** 0: the connection ended without an answer. */
  status: number;
  type: string;
  bytes: Buffer;
}

export interface FuzzServer {
  send(request: FuzzRequest): Promise<FuzzAnswer>;
  /** Keys that were written, in order; only ever grows. */
  readonly written: readonly string[];
  /** Where a watch from the start and a list do not come to the same. */
  disagreement(): Promise<string | undefined>;
  /** What the server logged as errors. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const signingKey = generateSigningKey();

/** For tests of the fuzzer: breaks something. */
export type Plant = (parts: ServerParts) => void;

export interface FuzzServerOptions {
  kinds: readonly FuzzKind[];
  plant: Plant | undefined;
}

export async function startFuzzServer({ kinds, plant }: FuzzServerOptions): Promise<FuzzServer> {
  const written: string[] = [];
  const complaints: string[] = [];
  const error: Logger['error'] = (message, fields) => void complaints.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { ...silentLogger, error, child: () => log };
  const storage = recording(createMemoryStorage(), written);
  const server = await startListeningServer({
    storage,
    log,
    extend(parts) {
      extend(parts);
      plant?.(parts);
    },
  });
  const wanted = customKinds.filter(({ plural }) => kinds.some((kind) => kind.plural === plural));
  for (const { definition } of wanted) await server.call('POST', DEFINITIONS, definition);
  await untilServed(server, wanted);
  const follower = new WatchFollower(server);
  await follower.start(kinds);
  let session: ClientHttp2Session | undefined;
  const overSocket = async (request: FuzzRequest): Promise<FuzzAnswer> => {
    if (session === undefined || session.destroyed || session.closed) session = server.connect();
    try {
      return await sendOverSocket(session, request);
    } catch {
      session.destroy();
      return { status: 0, type: '', bytes: Buffer.alloc(0) };
    }
  };
  return {
    written,
    complaints,
    disagreement: () => follower.disagreement(),
    send: (request) => (request.overSocket === true ? overSocket(request) : sendInProcess(server, request)),
    async close() {
      session?.destroy();
      follower.close();
      await server.close();
    },
  };
}

function extend({ router, kinds, listers, store }: ServerParts): void {
  const keys = createTokenKeys({ issuer: ISSUER, signingKey: signingKey.privateKey });
  const rbac = createRbac(listers);
  const authenticateToken = serviceAccountTokenAuthenticator({ keys, listers, clock: realClock });
  const issuer = { keys, listers, apiAudiences: [ISSUER], clock: realClock, random: realRandom };
  addReviews(router, kinds, { issuer, authenticateToken, authorize: rbac.authorize, rbac });
  const kindOf = (plural: string): (typeof kinds)[number] =>
    kinds.find(({ resource: { group, names } }) => group === '' && names.plural === plural)!;
  const credentials = { ca: '', certificate: '', privateKey: '' };
  for (const stream of podStreams({ nodes: listers({ group: '', plural: 'nodes' }), credentials }))
    router.addSubresource(kindOf('pods'), stream);
  const ranges = {
    lister: listers({ group: '', plural: 'services' }),
    serviceCidr: '10.96.0.0/16',
    random: realRandom,
  };
  store.addHook(kindOf('services'), serviceAllocationHook(ranges as Parameters<typeof serviceAllocationHook>[0]));
}

function recording(storage: Storage, written: string[]): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'create' && name !== 'update' && name !== 'delete') return value.bind(target) as unknown;
      return async (key: string, ...more: unknown[]) => {
        const revision: unknown = await value.call(target, key, ...more);
        written.push(key);
        return revision;
      };
    },
  });
}

async function untilServed(server: ListeningServer, wanted: typeof customKinds): Promise<void> {
  for (const { plural, versions } of wanted) {
    for (const version of versions) {
      const path = `/apis/${CUSTOM_GROUP}/${version}/namespaces/default/${plural}`;
      while ((await server.send('GET', path)).status !== 200) await sleep(realClock, 5);
    }
  }
}

/** How many turns of the event loop a watch is left open. */
const WATCH_TURNS = 3;

async function sendInProcess(server: ListeningServer, request: FuzzRequest): Promise<FuzzAnswer> {
  const stop = new AbortController();
  const body = encodeBody(request.body);
  const sent: ApiRequest = {
    method: request.method,
    path: request.path,
    query: new URLSearchParams(request.query),
    headers: { 'user-agent': 'fuzz/1.0', ...request.headers },
    ...(body === undefined ? {} : { body }),
    user: testAdmin,
    signal: stop.signal,
  };
  const { status, headers, body: answer } = await server.api.handler(sent);
  const type = String(headers['content-type'] ?? '');
  switch (answer.type) {
    case 'object':
      return withBytes({ status, ...encodeAnswer(sent, answer.encoded, status) });
    case 'bytes':
      return { status, type: answer.contentType, bytes: Buffer.from(answer.bytes) };
    case 'stream': {
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.chunks) chunks.push(chunk);
      return { status, type: answer.contentType, bytes: Buffer.concat(chunks) };
    }
    case 'watch': {
      const frames = await someOf(answer.frames, stop);
      return { status, type: answer.contentType, bytes: Buffer.concat(frames) };
    }
    default:
      return { status, type, bytes: Buffer.alloc(0) };
  }
}

function withBytes({ bytes, contentType, status }: Required<ReturnType<typeof encodeAnswer>>): FuzzAnswer {
  return { status, type: contentType, bytes: Buffer.from(bytes) };
}

async function someOf(frames: AsyncIterable<Uint8Array>, stop: AbortController): Promise<Uint8Array[]> {
  const taken: Uint8Array[] = [];
  const reading = (async () => {
    for await (const frame of frames) taken.push(frame);
  })();
  for (let turn = 0; turn < WATCH_TURNS; turn++) await new Promise(setImmediate);
  stop.abort(new Error('the fuzzer has seen enough'));
  await reading.catch((error: unknown) => {
    if (error !== stop.signal.reason) throw error;
  });
  return taken;
}

const SOCKET_MS = 5_000;

async function sendOverSocket(session: ClientHttp2Session, request: FuzzRequest): Promise<FuzzAnswer> {
  const url = request.query === '' ? request.path : `${request.path}?${request.query}`;
  const body = encodeBody(request.body);
  const giveUp = setTimeout(() => session.destroy(), SOCKET_MS);
  try {
    const { status, headers, bytes } = await exchange(session, url, {
      headers: request.headers,
      request: { method: request.method, ...(body === undefined ? {} : { body }) },
    });
    return { status, type: String(headers['content-type'] ?? ''), bytes };
  } finally {
    clearTimeout(giveUp);
  }
}
