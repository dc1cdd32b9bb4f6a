/** A request as it comes from a socket. */
import type { IncomingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { ApiRequest, PeerCertificate } from '../../api/machinery/handler.ts';
import type { PeerReader } from './peer-certificate.ts';

interface RawRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  rawHeaders: readonly string[];
  /** Undefined when the connection is gone already. */
  socket: TLSSocket | undefined;
  readPeer: PeerReader;
}

/** Why signals abort. One for all: making an error for every request would cost more than reading it. */
const CLOSED = new Error('the client closed the connection, or has its answer');

/** Not to be spread into another object: `signal` is an accessor. */
export class SocketRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly search: string;
  readonly headers: Record<string, string | undefined>;
  readonly rawHeaders: readonly string[];
  readonly peerCertificate?: PeerCertificate;
  readonly remoteAddress?: string;
  body?: Uint8Array;
  receiveBody?: () => Promise<void>;
  bodyStream?: AsyncIterable<Uint8Array>;
  #controller: AbortController | undefined;
  #isClosed = false;

  constructor({ method, url, headers, rawHeaders, socket, readPeer }: RawRequest) {
    const question = url.indexOf('?');
    this.method = method;
    this.path = question < 0 ? url : url.slice(0, question);
    this.search = question < 0 ? '' : url.slice(question + 1);
    this.query = new URLSearchParams(this.search);
    this.headers = headers as Record<string, string | undefined>;
    this.rawHeaders = rawHeaders;
    const certificate = socket && readPeer(socket);
    if (certificate !== undefined) this.peerCertificate = certificate;
    if (socket?.remoteAddress !== undefined) this.remoteAddress = socket.remoteAddress;
  }

  /** Made when it is first asked for: most requests are answered without. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isClosed) this.#controller.abort(CLOSED);
    }
    return this.#controller.signal;
  }

  /** The stream has ended, with or without an answer. */
  close(): void {
    this.#isClosed = true;
    this.#controller?.abort(CLOSED);
  }
}
