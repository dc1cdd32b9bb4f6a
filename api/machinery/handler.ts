/**
 * The contract between a transport and the API server: a request and an AbortSignal in, a response out, no socket.
 * The HTTP listener and the in-process client are two adapters of it. `Lister` is how authorizers, admission and
 * controllers read without asking over the network.
 */
import type { ApiObject } from './meta.ts';
import type { FieldSelector } from './field-selector.ts';
import type { Selector } from './label-selector.ts';

/** Who makes a request (Kubernetes: `authentication/user.Info`). */
export interface UserInfo {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** A client certificate's subject as TLS verified it against the cluster's CA, or against that of front proxies. */
export interface PeerCertificate {
  commonName: string;
  organizations: readonly string[];
  /** For credential id in audit: SHA-256 of the DER, hex. */
  fingerprint: string;
  /** Its holder is no user of this name, but brings the requests of others. */
  isFrontProxy?: true;
}

export interface ApiRequest {
  method: string;
  /** Path without the query, still percent-encoded. */
  path: string;
  query: URLSearchParams;
  /** The query as it was sent, without `?`. Absent: as `query` writes it. */
  search?: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** Names and values by turns, as they were sent; `headers` joins those of one name. Absent: made in this process. */
  rawHeaders?: readonly string[];
  /** Encoded body, for requests from a socket: there once `receiveBody` has resolved. */
  body?: Uint8Array;
  /** Reads the body off its socket, for whoever may make the request. Rejects with an `ApiError`. */
  receiveBody?: () => Promise<void>;
  /** The body where it is passed on while it comes, and not read first. What is not asked for stays unread. */
  bodyStream?: AsyncIterable<Uint8Array>;
  /** Decoded body, for in-process requests. The handler copies it: the caller keeps its object. */
  object?: unknown;
  /** Set by in-process callers only; requests from a socket are authenticated. */
  user?: UserInfo;
  peerCertificate?: PeerCertificate;
  remoteAddress?: string;
  signal: AbortSignal;
  /**
   * In-process callers take decoded, frozen objects and typed watch streams; a socket takes bytes.
   * Absent: bytes.
   */
  wantsObjects?: boolean;
}

export interface WatchEvent<T extends ApiObject = ApiObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  /** Frozen. For ERROR, a Status. */
  object: T;
}

/** An object with its encoding: whichever is asked for first is computed once. */
export interface EncodedObject {
  /** Deeply frozen. */
  object(): unknown;
  /** JSON in UTF-8. */
  bytes(): Uint8Array;
}

/** What is compressible may be sent compressed to a client that takes it. */
export type ResponseBody =
  | { type: 'none' }
  | { type: 'object'; encoded: EncodedObject }
  | { type: 'bytes'; bytes: Uint8Array; contentType: string; compressible?: boolean }
  /** Chunks of an encoded document (LIST, logs). */
  | { type: 'stream'; chunks: AsyncIterable<Uint8Array>; contentType: string; compressible?: boolean }
  /** Encoded watch frames, batched; ends when the watch ends. */
  | { type: 'watch'; frames: AsyncIterable<Uint8Array>; contentType: string }
  /** Decoded watch events, for in-process callers; batched, in order. */
  | { type: 'events'; batches: AsyncIterable<readonly WatchEvent[]> }
  /** What another server answered: the response's headers are all its own. */
  | { type: 'carried'; chunks: AsyncIterable<Uint8Array> }
  /** Switches the connection to a WebSocket; only HTTP/1.1 adapters can. */
  | { type: 'upgrade'; accept: UpgradeHandler };

/** Takes over an upgraded connection: the adapter hands the raw request, socket and head of Node's `upgrade` event. */
export type UpgradeHandler = (rawRequest: unknown, socket: unknown, head: Uint8Array) => void;

export interface ApiResponse {
  status: number;
  headers: Record<string, string | string[]>;
  body: ResponseBody;
}

/** Never rejects for a client's fault: errors become a Status response. Rejects only when the signal aborts. */
export type Handler = (request: ApiRequest) => Promise<ApiResponse>;

/** Reads of one kind from a cache. Objects are frozen; order is by key (namespace, then name). */
export interface Lister<T extends ApiObject = ApiObject> {
  /** Changes whenever an object of the kind does, so that what is derived from them can be kept. Absent: not known. */
  readonly generation?: number;
  /** `namespace` is `''` for cluster-scoped kinds. */
  get(namespace: string, name: string): T | undefined;
  /** All, or those of one namespace, which match the selectors. */
  list(options?: { namespace?: string; labelSelector?: Selector; fieldSelector?: FieldSelector }): T[];
}

/** Hands out listers by group and plural. Throws for a kind that is not served. */
export type Listers = <T extends ApiObject>(resource: { group: string; plural: string }) => Lister<T>;
