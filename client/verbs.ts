/**
 * The client's verbs over any transport: which path, query, headers and body each verb is. The in-process and the HTTP
 * transport carry these requests and nothing else, so that they cannot differ in what they ask for.
 */
import { ApiError } from '../api/machinery/errors.ts';
import type { Status } from '../api/machinery/errors.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';
import type { ApiObject, ApiObjectList } from '../api/machinery/meta.ts';
import { apiVersionOf } from '../api/machinery/resource.ts';
import type { DeleteOptions } from '../api/machinery/resource.ts';
import type {
  Client,
  DocumentRequest,
  ListOptions,
  ObjectName,
  ResourceRef,
  WatchRequest,
  WriteOptions,
} from './client.ts';

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Percent-encoded. */
  path: string;
  query: URLSearchParams;
  /** Default: `application/json`. */
  accept?: string;
  contentType?: string;
  /** Decoded; the transport encodes or hands over. Stays the caller's. */
  body?: unknown;
  /** Nobody looks at the response of a success. */
  ignoresResult?: boolean;
  signal?: AbortSignal;
}

/** Carries requests. Both methods throw `ApiError`; when the signal aborts, `call` throws the signal's reason. */
export interface Transport {
  /** The decoded, frozen response; undefined when there is none. */
  call(request: TransportRequest): Promise<unknown>;
  /** May yield ERROR events; ends, and does not throw, when the signal aborts. */
  stream(request: TransportRequest & { signal: AbortSignal }): AsyncIterable<readonly WatchEvent[]>;
}

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

const NO_QUERY: Readonly<Record<string, undefined>> = {};

interface Target {
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
}

/** `/apis/apps/v1/namespaces/default/deployments/web/status`. A namespace is ignored for cluster-scoped kinds. */
export function resourcePath(resource: ResourceRef, target: Target = {}): string {
  const prefix = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const namespace = resource.scope === 'Namespaced' ? (target.namespace ?? '') : '';
  const parts = [
    prefix,
    namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`,
    `/${resource.names.plural}`,
    target.name === undefined ? '' : `/${encodeURIComponent(target.name)}`,
    target.subresource === undefined ? '' : `/${target.subresource}`,
  ];
  return parts.join('');
}

/** An empty name would turn a delete of one object into one of the whole collection. */
function objectPath(resource: ResourceRef, { namespace, name, subresource }: Target): string {
  if (name === undefined || name === '') throw new Error('resource name may not be empty');
  if (resource.scope === 'Namespaced' && (namespace === undefined || namespace === '')) {
    throw new Error('an empty namespace may not be set when a resource name is provided');
  }
  return resourcePath(resource, { namespace, name, subresource });
}

function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  return query;
}

function listQuery(options: ListOptions): Record<string, string | number | undefined> {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options;
  return { labelSelector, fieldSelector, limit, continue: options.continue, resourceVersion, resourceVersionMatch };
}

function writeQuery(options: WriteOptions): Record<string, string | undefined> {
  return { fieldManager: options.fieldManager, dryRun: options.dryRun === true ? 'All' : undefined };
}

/** Objects of typed lists travel without their kind; a write needs it. */
function withKind<T extends ApiObject>(resource: ResourceRef, object: T, subresource: string | undefined): T {
  if (object.kind !== undefined || subresource !== undefined) return object;
  return { apiVersion: apiVersionOf(resource), kind: resource.names.kind, ...object };
}

/** The error that a Status stands for; `code` is used when the Status does not say. */
export function errorFromStatus(status: Partial<Status>, code: number): ApiError {
  const { message, reason, details } = status;
  return new ApiError({
    code: status.code ?? code,
    message: message ?? `the server answered ${code}`,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
  });
}

async function* watchOver<T extends ApiObject>(
  transport: Transport,
  request: TransportRequest & { signal: AbortSignal },
): AsyncGenerator<readonly WatchEvent<T>[]> {
  for await (const batch of transport.stream(request)) {
    if (request.signal.aborted) return;
    const failure = batch.findIndex(({ type }) => type === 'ERROR');
    if (failure < 0) {
      yield batch as readonly WatchEvent<T>[];
      continue;
    }
    if (failure > 0) yield batch.slice(0, failure) as WatchEvent<T>[];
    throw errorFromStatus(batch[failure]!.object as unknown as Partial<Status>, 500);
  }
}

function deleteBody({ signal: _signal, ...options }: DeleteOptions & { signal?: AbortSignal }): object | undefined {
  if (Object.keys(options).length === 0) return undefined;
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...options };
}

const JSON_TYPE = 'application/json';

const signalOf = (options: { signal?: AbortSignal }): { signal?: AbortSignal } =>
  options.signal === undefined ? {} : { signal: options.signal };

/** Reads: a document, get, list, watch. */
function readsOver(transport: Transport): Pick<Client, 'getDocument' | 'get' | 'list' | 'watch'> {
  return {
    async getDocument<T>(path: string, { query = {}, accept, signal }: DocumentRequest = {}): Promise<T> {
      const options = { ...(accept === undefined ? {} : { accept }), ...(signal === undefined ? {} : { signal }) };
      return (await transport.call({ method: 'GET', path, query: queryOf(query), ...options })) as T;
    },
    async get<T extends ApiObject>(resource: ResourceRef, name: ObjectName, options: WriteOptions = {}): Promise<T> {
      const path = objectPath(resource, { ...name, subresource: options.subresource });
      return (await transport.call({ method: 'GET', path, query: queryOf(NO_QUERY), ...signalOf(options) })) as T;
    },
    async list<T extends ApiObject>(
      resource: ResourceRef,
      options: ListOptions & { signal?: AbortSignal } = {},
    ): Promise<ApiObjectList<T>> {
      const path = resourcePath(resource, { namespace: options.namespace });
      const query = queryOf(listQuery(options));
      return (await transport.call({ method: 'GET', path, query, ...signalOf(options) })) as ApiObjectList<T>;
    },
    watch<T extends ApiObject>(resource: ResourceRef, request: WatchRequest): AsyncIterable<readonly WatchEvent<T>[]> {
      const path = resourcePath(resource, { namespace: request.namespace });
      const { sendInitialEvents, allowWatchBookmarks, timeoutSeconds, signal } = request;
      const query = queryOf({
        ...listQuery(request),
        watch: true,
        sendInitialEvents,
        allowWatchBookmarks,
        timeoutSeconds,
      });
      return watchOver<T>(transport, { method: 'GET', path, query, signal });
    },
  };
}

/** Writes: create, update, patch, delete. */
function writesOver(transport: Transport): Pick<Client, 'create' | 'update' | 'patch' | 'delete'> {
  return {
    async create<T extends ApiObject, R extends ApiObject = T>(
      resource: ResourceRef,
      object: T,
      options: WriteOptions & { name?: string } = {},
    ): Promise<R> {
      const { name, subresource, ignoresResult = false } = options;
      const { namespace } = object.metadata;
      if (resource.scope === 'Namespaced' && (namespace === undefined || namespace === '')) {
        throw new Error('an empty namespace may not be set during creation');
      }
      const path =
        subresource === undefined
          ? resourcePath(resource, { namespace })
          : objectPath(resource, { namespace, name: name ?? object.metadata.name, subresource });
      const body = withKind(resource, object, subresource);
      const query = queryOf(writeQuery(options));
      const request: TransportRequest = {
        method: 'POST',
        path,
        query,
        body,
        ...(ignoresResult ? { ignoresResult } : {}),
      };
      return (await transport.call({ ...request, contentType: JSON_TYPE, ...signalOf(options) })) as R;
    },
    async update<T extends ApiObject>(resource: ResourceRef, object: T, options: WriteOptions = {}): Promise<T> {
      const { namespace, name } = object.metadata;
      const path = objectPath(resource, { namespace, name, subresource: options.subresource });
      const body = withKind(resource, object, undefined);
      const request: TransportRequest = { method: 'PUT', path, query: queryOf(writeQuery(options)), body };
      return (await transport.call({ ...request, contentType: JSON_TYPE, ...signalOf(options) })) as T;
    },
    async patch<T extends ApiObject>(
      resource: ResourceRef,
      name: ObjectName,
      patch: { type: keyof typeof PATCH_TYPES; body: unknown; force?: boolean } & WriteOptions,
    ): Promise<T> {
      const path = objectPath(resource, { ...name, subresource: patch.subresource });
      const query = queryOf({ ...writeQuery(patch), force: patch.force });
      const request: TransportRequest = { method: 'PATCH', path, query, contentType: PATCH_TYPES[patch.type] };
      return (await transport.call({ ...request, body: patch.body, ...signalOf(patch) })) as T;
    },
    async delete(resource, name, options = {}): Promise<void> {
      const path = objectPath(resource, name);
      const body = deleteBody(options);
      const query = queryOf(NO_QUERY);
      const request: TransportRequest = { method: 'DELETE', path, query, ignoresResult: true, ...signalOf(options) };
      await transport.call(body === undefined ? request : { ...request, body, contentType: JSON_TYPE });
    },
  };
}

export function clientOver(transport: Transport): Client {
  return { ...readsOver(transport), ...writesOver(transport) };
}
