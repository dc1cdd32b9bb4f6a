/** For tests: a server in memory that keeps objects of any kind, and can be made to fail as real ones do. */
import { alreadyExists, ApiError, conflict, expired, notFound, serviceUnavailable } from '../api/machinery/errors.ts';
import type { ApiRequest, ApiResponse, Handler, WatchEvent } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { deepFreeze } from '../base/freeze.ts';
import type { ResourceRef } from './client.ts';

/** The kind that the client's tests use. */
export const configMaps: ResourceRef = {
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'configmaps', kind: 'ConfigMap' },
};

export interface MemoryObject extends ApiObject {
  data?: Record<string, string>;
}

type Change = WatchEvent<MemoryObject> & { revision: number };

interface Watcher {
  prefix: string;
  queue: (readonly WatchEvent[])[];
  wake: () => void;
  ended: boolean;
}

interface Parsed {
  collection: string;
  namespace: string;
  name: string;
  subresource: string;
}

export class MemoryServer {
  readonly requests: ApiRequest[] = [];
  /** Answers `sendInitialEvents` with 422, as old servers do. */
  streamsLists = true;
  /** Runs before every request; what it throws is the answer. */
  intercept: (request: ApiRequest) => void | Promise<void> = () => undefined;
  /** Watchers of keys that begin like this are sent nothing. */
  #held: string | undefined;
  #heldBatches: { watcher: Watcher; batch: readonly WatchEvent[] }[] = [];
  #revision = 100;
  #compactedAt = 0;
  #history: Change[] = [];
  readonly #objects = new Map<string, MemoryObject>();
  readonly #watchers = new Set<Watcher>();

  readonly handler: Handler = async (request) => {
    this.requests.push(request);
    try {
      await this.intercept(request);
      return this.#serve(request);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return respond(error.code, error.status);
    }
  };

  get revision(): string {
    return String(this.#revision);
  }

  /** `namespace/name=resourceVersion`, in order: what a copy must equal. */
  contents(collection = '/api/v1/configmaps'): string[] {
    return this.#list(collection, '').map(describeObject);
  }

  /** Makes every version up to now impossible to watch from. */
  compact(): void {
    this.#compactedAt = this.#revision;
    this.#history = [];
  }

  /** Ends every watch, with an error or without. */
  disconnect(error?: ApiError): void {
    for (const watcher of this.#watchers) {
      if (error !== undefined) {
        watcher.queue.push([{ type: 'ERROR', object: error.status as unknown as ApiObject }]);
      }
      watcher.ended = true;
      watcher.wake();
    }
    this.#watchers.clear();
  }

  bookmark(): void {
    for (const watcher of this.#watchers) {
      this.#send(watcher, [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: this.revision } } }]);
    }
  }

  holdWatches(prefix = '/'): void {
    this.#held = prefix;
  }

  releaseWatches(): void {
    this.#held = undefined;
    for (const { watcher, batch } of this.#heldBatches.splice(0)) this.#send(watcher, batch);
  }

  #serve(request: ApiRequest): ApiResponse {
    const target = parsePath(request.path);
    const { query } = request;
    if (request.method === 'GET' && target.name === '') {
      return query.get('watch') === 'true' ? this.#watch(target, request) : this.#listPage(target, query);
    }
    if (request.method === 'POST') return respond(201, this.#create(target, request.object as MemoryObject));
    const found = this.#objects.get(objectKey(target));
    if (found === undefined) throw notFound({ group: '', resource: target.collection.split('/').at(-1)! }, target.name);
    if (request.method === 'GET') return respond(200, found);
    if (request.method === 'DELETE') return respond(200, this.#delete(target, found));
    return respond(200, this.#change(target, found, request));
  }

  #create(target: Parsed, body: MemoryObject): MemoryObject {
    if (target.subresource !== '') return body;
    const name = body.metadata.name ?? `${body.metadata.generateName}${this.#revision}`;
    const full = { ...target, name };
    if (this.#objects.has(objectKey(full))) throw alreadyExists({ group: '', resource: 'configmaps' }, name);
    const metadata = { ...body.metadata, name, uid: `uid-${this.#revision + 1}` };
    return this.#put(full, { ...body, metadata }, 'ADDED');
  }

  #change(target: Parsed, found: MemoryObject, request: ApiRequest): MemoryObject {
    const body = request.object as MemoryObject;
    const version = body.metadata?.resourceVersion;
    if (version !== undefined && version !== found.metadata.resourceVersion) {
      throw conflict({ group: '', resource: 'configmaps' }, target.name, 'the object has been modified');
    }
    if (request.method === 'PUT') return this.#put(target, { ...body }, 'MODIFIED');
    const metadata = { ...found.metadata, ...body.metadata };
    return this.#put(target, { ...found, ...body, metadata }, 'MODIFIED');
  }

  #put(target: Parsed, object: MemoryObject, type: 'ADDED' | 'MODIFIED'): MemoryObject {
    this.#revision++;
    const metadata = { ...object.metadata, resourceVersion: this.revision };
    const stored = deepFreeze(structuredClone({ ...object, metadata }));
    this.#objects.set(objectKey(target), stored);
    this.#publish(target, { type, object: stored, revision: this.#revision });
    return stored;
  }

  #delete(target: Parsed, found: MemoryObject): MemoryObject {
    this.#revision++;
    const last = deepFreeze({ ...found, metadata: { ...found.metadata, resourceVersion: this.revision } });
    this.#objects.delete(objectKey(target));
    this.#publish(target, { type: 'DELETED', object: last, revision: this.#revision });
    return last;
  }

  #publish(target: Parsed, change: Change): void {
    this.#history.push(change);
    for (const watcher of this.#watchers) {
      if (objectKey(target).startsWith(watcher.prefix)) this.#send(watcher, [change]);
    }
  }

  #send(watcher: Watcher, batch: readonly WatchEvent[]): void {
    if (this.#held !== undefined && watcher.prefix.startsWith(this.#held)) {
      this.#heldBatches.push({ watcher, batch });
      return;
    }
    watcher.queue.push(batch);
    watcher.wake();
  }

  #list(collection: string, namespace: string): MemoryObject[] {
    const prefix = namespace === '' ? `${collection}/` : `${collection}/${namespace}/`;
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => this.#objects.get(key)!);
  }

  #listPage({ collection, namespace }: Parsed, query: URLSearchParams): ApiResponse {
    const all = this.#list(collection, namespace);
    const from = Number(query.get('continue')?.split('@')[0] ?? 0);
    const revision = query.get('continue')?.split('@')[1] ?? this.revision;
    // A real server reads pages from one snapshot; here a write in between makes the token expire.
    if (revision !== this.revision) throw expired('The provided continue parameter is too old');
    const limit = Number(query.get('limit') ?? all.length);
    const items = all.slice(from, from + limit);
    const rest = from + limit < all.length ? { continue: `${from + limit}@${revision}` } : {};
    return respond(200, {
      apiVersion: 'v1',
      kind: 'ConfigMapList',
      metadata: { resourceVersion: revision, ...rest },
      items,
    });
  }

  #watch({ collection, namespace }: Parsed, { query, signal }: ApiRequest): ApiResponse {
    const prefix = namespace === '' ? `${collection}/` : `${collection}/${namespace}/`;
    const watcher: Watcher = { prefix, queue: [], wake: () => undefined, ended: false };
    if (query.get('sendInitialEvents') === 'true') {
      if (!this.streamsLists)
        throw new ApiError({ code: 422, reason: 'Invalid', message: 'sendInitialEvents is forbidden' });
      for (const object of this.#list(collection, namespace)) watcher.queue.push([{ type: 'ADDED', object }]);
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      const metadata = { resourceVersion: this.revision, annotations };
      watcher.queue.push([{ type: 'BOOKMARK', object: { metadata } }]);
    } else {
      const after = Number(query.get('resourceVersion') ?? 0);
      if (after < this.#compactedAt) throw expired(`too old resource version: ${after} (${this.#compactedAt})`);
      const missed = this.#history.filter(
        ({ revision, object }) => revision > after && keyIn(collection, object).startsWith(prefix),
      );
      if (missed.length > 0) watcher.queue.push(missed);
    }
    this.#watchers.add(watcher);
    return { status: 200, headers: {}, body: { type: 'events', batches: batchesOf(watcher, signal) } };
  }
}

async function* batchesOf(watcher: Watcher, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
  signal.addEventListener('abort', () => watcher.wake(), { once: true });
  while (!signal.aborted) {
    const batch = watcher.queue.shift();
    if (batch !== undefined) {
      yield batch;
      continue;
    }
    if (watcher.ended) return;
    await new Promise<void>((resolve) => (watcher.wake = resolve));
  }
}

export function describeObject({ metadata }: ApiObject): string {
  return `${metadata.namespace}/${metadata.name}=${metadata.resourceVersion}`;
}

export function unavailable(): ApiError {
  return serviceUnavailable('the server is away');
}

function respond(status: number, content: unknown): ApiResponse {
  const frozen = deepFreeze(content);
  const bytes = (): Uint8Array => Buffer.from(JSON.stringify(frozen));
  return { status, headers: {}, body: { type: 'object', encoded: { object: () => frozen, bytes } } };
}

function keyIn(collection: string, { metadata }: ApiObject): string {
  return `${collection}/${metadata.namespace}/${metadata.name}`;
}

function objectKey({ collection, namespace, name }: Parsed): string {
  return `${collection}/${namespace}/${name}`;
}

function parsePath(path: string): Parsed {
  const match =
    /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path);
  if (match === null) throw new Error(`unexpected path ${path}`);
  const [, prefix, namespace = '', plural, name = '', subresource = ''] = match;
  return { collection: `${prefix}/${plural}`, namespace, name, subresource };
}
