/**
 * The client for components in other processes: HTTP/2 over verified TLS, one connection for all requests and watches.
 * It retries what the server asks to retry, and nothing else: callers have their own ways to try again.
 */
import { constants } from 'node:http2';
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { ApiError, serverTimeout, serviceUnavailable } from '../api/machinery/errors.ts';
import type { Status } from '../api/machinery/errors.ts';
import { realClock, sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { MAX_TRIES, retryAfterMs } from './retry.ts';
import { deepFreeze } from '../base/freeze.ts';
import type { Client } from './client.ts';
import { HttpConnection } from './http-connection.ts';
import type { TlsOptions } from './http-connection.ts';
import { clientOver, errorFromStatus } from './verbs.ts';
import type { Transport, TransportRequest } from './verbs.ts';
import { decodeFrames } from './watch-frames.ts';

export interface HttpClientOptions extends TlsOptions {
  /** `https://127.0.0.1:6443` */
  server: string;
  /** A bearer token, or what gives the one that is valid now. */
  token?: string | (() => string);
  userAgent: string;
  clock?: Clock;
  /** For everything but watches: until the last byte. Default 60 s, the server's own limit. */
  requestTimeoutMs?: number;
}

export interface HttpClient extends Client {
  /** Ends every request and watch, and the connection. */
  close(): void;
}

/** Connects with the first request. Objects are frozen. Failures of the network are `ApiError`s of code 503 or 504. */
export function httpClient(options: HttpClientOptions): HttpClient {
  const connection = new HttpConnection(options.server, options, options.clock ?? realClock);
  return { ...clientOver(new HttpTransport(options, connection)), close: () => connection.close() };
}

const REQUEST_TIMEOUT_MS = 60_000;
/** Until a watch's response headers: the server may wait for its caches. */
const WATCH_OPEN_TIMEOUT_MS = 30_000;

interface Response {
  status: number;
  headers: IncomingHttpHeaders;
  stream: ClientHttp2Stream;
}

class HttpTransport implements Transport {
  readonly #options: HttpClientOptions;
  readonly #connection: HttpConnection;
  readonly #clock: Clock;

  constructor(options: HttpClientOptions, connection: HttpConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#clock = options.clock ?? realClock;
  }

  async call(request: TransportRequest): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      request.signal?.throwIfAborted();
      const { status, headers, content } = await this.#exchange(request);
      const retryMs = retryAfterMs(status, headers['retry-after']);
      if (request.ignoresResult === true && status < 400) return undefined;
      if (retryMs === undefined || tries === MAX_TRIES) return resultOf(status, content);
      await sleep(this.#clock, retryMs, request.signal);
    }
  }

  async *stream(request: TransportRequest & { signal: AbortSignal }): ReturnType<typeof decodeFrames> {
    const { signal } = request;
    let stream: ClientHttp2Stream | undefined;
    try {
      const response = await this.#open(request, WATCH_OPEN_TIMEOUT_MS);
      stream = response.stream;
      if (response.status >= 400) resultOf(response.status, await readAll(stream));
      yield* decodeFrames(stream);
    } catch (error) {
      if (!signal.aborted) throw asApiError(error);
    } finally {
      stream?.close(constants.NGHTTP2_CANCEL);
    }
  }

  async #exchange(
    request: TransportRequest,
  ): Promise<{ status: number; headers: IncomingHttpHeaders; content: Buffer }> {
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    const deadline = new AbortController();
    const cancel = this.#clock.setTimeout(() => deadline.abort(), requestTimeoutMs);
    const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([request.signal, deadline.signal]);
    try {
      const { status, headers, stream } = await this.#open({ ...request, signal }, requestTimeoutMs);
      return { status, headers, content: await readAll(stream) };
    } catch (error) {
      request.signal?.throwIfAborted();
      if (deadline.signal.aborted) throw serverTimeout(`no answer to ${request.method} within ${requestTimeoutMs} ms`);
      throw asApiError(error);
    } finally {
      cancel();
    }
  }

  /** Resolves with the response's headers. The stream ends with an error when the signal aborts. */
  async #open(request: TransportRequest & { signal: AbortSignal }, timeoutMs: number): Promise<Response> {
    const { signal } = request;
    const session = await this.#connection.session(signal);
    // Said, since Node ends the stream of a DELETE by itself, also of one with a body.
    const stream = session.request(this.#headersOf(request), { endStream: request.body === undefined });
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        stream.destroy(new Error('the request was aborted'));
      };
      const cancel = this.#clock.setTimeout(() => stream.destroy(new Error('no response in time')), timeoutMs);
      signal.addEventListener('abort', abort, { once: true });
      stream.once('response', (headers) => {
        cancel();
        resolve({ status: headers[':status'] ?? 500, headers, stream });
      });
      // Stays on: a stream without a listener for errors would end the process.
      stream.on('error', reject);
      stream.once('close', () => {
        cancel();
        signal.removeEventListener('abort', abort);
        reject(new Error('the connection was closed'));
      });
      if (request.body !== undefined) stream.end(JSON.stringify(request.body));
    });
  }

  #headersOf({
    method,
    path,
    query,
    accept = 'application/json',
    contentType,
  }: TransportRequest): Record<string, string> {
    const { token, userAgent } = this.#options;
    const search = query.toString();
    const bearer = typeof token === 'function' ? token() : token;
    return {
      ':method': method,
      ':path': search === '' ? path : `${path}?${search}`,
      accept,
      'user-agent': userAgent,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    };
  }
}

async function readAll(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  // A connection that breaks ends the stream like one that is complete.
  if (stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error('the answer was cut off');
  return Buffer.concat(chunks);
}

/** The decoded body, or the error that it is. */
function resultOf(status: number, content: Buffer): unknown {
  let value: unknown;
  try {
    value = content.byteLength === 0 ? undefined : JSON.parse(content.toString('utf8'));
  } catch {
    // A proxy's page, or a plain text.
    if (status < 400) throw new ApiError({ code: 500, reason: 'InternalError', message: 'the response is not JSON' });
    value = { message: content.toString('utf8').trim() };
  }
  if (status >= 400) throw errorFromStatus((value ?? {}) as Partial<Status>, status);
  return deepFreeze(withItemKinds(value));
}

interface ListLike {
  kind: string;
  apiVersion: string;
  items: Record<string, unknown>[];
}

/** Objects inside of lists travel without their kind; in caches they need it. */
function withItemKinds(value: unknown): unknown {
  const list = value as Partial<ListLike> | undefined;
  if (!Array.isArray(list?.items) || list.kind?.endsWith('List') !== true) return value;
  const kind = list.kind.slice(0, -'List'.length);
  for (const item of list.items) {
    item['apiVersion'] ??= list.apiVersion;
    item['kind'] ??= kind;
  }
  return value;
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return serviceUnavailable(error instanceof Error ? error.message : String(error));
}
