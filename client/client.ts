/**
 * How components talk to the API: typed verbs over a transport. Components never import the server; the in-process
 * and the HTTP transport look the same from here.
 */
import type { ApiObject, ApiObjectList } from '../api/machinery/meta.ts';
import type { DeleteOptions } from '../api/machinery/resource.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';

/** What a client needs to know of a kind; every `Resource` is one. */
export interface ResourceRef {
  group: string;
  version: string;
  scope: 'Namespaced' | 'Cluster';
  names: { plural: string; kind: string };
}

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchRequest extends ListOptions {
  sendInitialEvents?: boolean;
  allowWatchBookmarks?: boolean;
  timeoutSeconds?: number;
  signal: AbortSignal;
}

export interface WriteOptions {
  subresource?: string;
  fieldManager?: string;
  dryRun?: boolean;
  /** The caller does not look at what comes back, which is then not decoded: a create resolves to nothing. */
  ignoresResult?: boolean;
  signal?: AbortSignal;
}

export interface ObjectName {
  /** Empty or absent for cluster-scoped kinds. */
  namespace?: string;
  name: string;
}

export interface DocumentRequest {
  query?: Readonly<Record<string, string>>;
  /** Default: `application/json`. */
  accept?: string;
  signal?: AbortSignal;
}

/**
 * Every method throws `ApiError`. Objects that are returned are frozen when they come from the process's own cache;
 * treat them all as frozen. Objects passed in stay the caller's.
 */
export interface Client {
  /** What is at a path, which is percent-encoded, and is no object of a kind: discovery, metrics of an adapter. */
  getDocument<T>(path: string, request?: DocumentRequest): Promise<T>;
  get<T extends ApiObject>(
    resource: ResourceRef,
    name: ObjectName,
    options?: { subresource?: string; signal?: AbortSignal },
  ): Promise<T>;
  list<T extends ApiObject>(
    resource: ResourceRef,
    options?: ListOptions & { signal?: AbortSignal },
  ): Promise<ApiObjectList<T>>;
  /** Batches in order; ends when the server ends the watch or the signal aborts; throws `ApiError` (410 among them). */
  watch<T extends ApiObject>(resource: ResourceRef, request: WatchRequest): AsyncIterable<readonly WatchEvent<T>[]>;
  /** `name` is needed only with a subresource (`binding`, `eviction`, `token`). */
  create<T extends ApiObject, R extends ApiObject = T>(
    resource: ResourceRef,
    object: T,
    options?: WriteOptions & { name?: string },
  ): Promise<R>;
  update<T extends ApiObject>(resource: ResourceRef, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends ApiObject>(
    resource: ResourceRef,
    name: ObjectName,
    patch: { type: 'json' | 'merge' | 'strategic' | 'apply'; body: unknown; force?: boolean } & WriteOptions,
  ): Promise<T>;
  delete(resource: ResourceRef, name: ObjectName, options?: DeleteOptions & { signal?: AbortSignal }): Promise<void>;
}
