/** API servers of the model over one store, on a clock that stands still: requests go through the whole handler chain. */
import { configMaps } from '../../api/core/v1/config-map.ts';
import { secrets } from '../../api/core/v1/secret.ts';
import type { ApiResponse, Handler, UserInfo } from '../../api/machinery/handler.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { loadSchemaTable } from '../../api/schema/table.ts';
import { silentLogger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { WatchCache } from '../../apiserver/cacher/watch-cache.ts';
import { createHandlerChain } from '../../apiserver/handler-chain.ts';
import { servedKind } from '../../apiserver/registry/served-kind.ts';
import { Store } from '../../apiserver/registry/store.ts';
import { RequestMeter } from '../../apiserver/metrics/request-meter.ts';
import { Router } from '../../apiserver/router.ts';
import type { Storage } from '../../apiserver/storage/storage.ts';
import { ManualClock } from '../../client/manual-clock.ts';
import type { Selection } from './history.ts';
import { seededFloats } from './plan.ts';

/** Small, so that slow readers are cut off and windows end within a short run. */
export const MAX_QUEUED = 64;

const USER: UserInfo = { name: 'model', groups: ['system:masters'] };
const schemas = loadSchemaTable();
const RESOURCES = [configMaps, secrets] as unknown as Resource[];

/** Bookmarks are due when the model says so; timeouts are what `advance` reaches. */
export class ModelClock extends ManualClock {
  readonly #intervals = new Set<() => void>();

  override setInterval(callback: () => void): () => void {
    this.#intervals.add(callback);
    return () => this.#intervals.delete(callback);
  }

  fireIntervals(): void {
    for (const callback of this.#intervals) callback();
  }
}

export interface ModelServer {
  handler: Handler;
  watchCache: WatchCache;
  /** The store's revision when its cache was loaded first: nothing older is served from it. */
  floor: number;
  /** Watches from an older revision may be refused. */
  windowStart: number;
  /** How often its cache has begun anew since. */
  reloads: number;
  hasStopped: boolean;
  /** Resolves when the server is stopped. */
  gone: Promise<'gone'>;
  stop(): Promise<void>;
}

/** What a run may change about its servers to plant a bug. */
export interface ServerChanges {
  watchCache?(watchCache: WatchCache, storage: Storage): void;
  handler?(handler: Handler): Handler;
}

export async function startModelServer(
  storage: Storage & { revision: number },
  { clock, seed, changes = {} }: { clock: ModelClock; seed: number; changes?: ServerChanges },
): Promise<ModelServer> {
  const watchCache = new WatchCache({ storage, clock, log: silentLogger, maxQueuedEvents: MAX_QUEUED });
  const kinds = RESOURCES.map((resource) => servedKind(resource, watchCache.cacheOf(resource)));
  changes.watchCache?.(watchCache, storage);
  const store = new Store({ storage, watchCache, schemas, admission: [], clock, random: seededRandom(seed) });
  const authorize = (): { decision: 'allow'; reason: string } => ({ decision: 'allow', reason: '' });
  const router = new Router({ store, watchCache, storage, schemas, clock, authorize });
  for (const kind of kinds) router.addKind(kind);
  const handler = createHandlerChain({
    meter: new RequestMeter(clock).filter,
    authenticate: () => undefined,
    authorize,
    maxRequestsInFlight: 10_000,
    endpoint: router.route,
    log: silentLogger,
  });
  let leave = (_: 'gone'): void => undefined;
  const gone = new Promise<'gone'>((resolve) => (leave = resolve));
  const floor = storage.revision;
  await watchCache.start();
  const server: ModelServer = {
    handler: changes.handler?.(handler) ?? handler,
    watchCache,
    floor,
    windowStart: storage.revision,
    reloads: 0,
    hasStopped: false,
    gone,
    async stop() {
      server.hasStopped = true;
      leave('gone');
      await watchCache.close();
    },
  };
  return server;
}

function seededRandom(seed: number): Random {
  const float = seededFloats(seed);
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(float() * 16).toString(16)).join('');
  return {
    float,
    bytes: (size) => Uint8Array.from({ length: size }, () => Math.floor(float() * 256)),
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
  };
}

export interface Answer {
  status: number;
  body: unknown;
}

export interface ApiCall {
  method: string;
  path: string;
  query?: Record<string, string>;
  object?: unknown;
}

/** `gone` when the server was stopped before it answered. */
export async function ask(server: ModelServer, call: ApiCall): Promise<Answer | 'gone'> {
  const response = await Promise.race([server.handler(requestOf(call, new AbortController().signal)), server.gone]);
  if (response === 'gone') return response;
  return { status: response.status, body: bodyOf(response) };
}

export function requestOf({ method, path, query = {}, object }: ApiCall, signal: AbortSignal) {
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers: { 'user-agent': 'model/1.0' },
    ...(object === undefined ? {} : { object }),
    user: USER,
    signal,
    wantsObjects: true,
  };
}

export function bodyOf({ body }: ApiResponse): unknown {
  return body.type === 'object' ? body.encoded.object() : undefined;
}

export function collectionPath({ plural, namespace }: Pick<Selection, 'plural' | 'namespace'>): string {
  return namespace === '' ? `/api/v1/${plural}` : `/api/v1/namespaces/${namespace}/${plural}`;
}

/** `/registry/configmaps/n0/o1` as a client names it. */
export function placeOf(key: string): { plural: string; namespace: string; name: string } {
  const [, , plural = '', namespace = '', name = ''] = key.split('/');
  return { plural, namespace, name };
}

export function selectorQuery({ labelSelector, fieldSelector }: Selection): Record<string, string> {
  return {
    ...(labelSelector === '' ? {} : { labelSelector }),
    ...(fieldSelector === '' ? {} : { fieldSelector }),
  };
}
