/**
 * The API port: TLS with HTTP/2 for REST and watch, HTTP/1.1 for clients that want it and for WebSocket upgrades, on
 * one listener. It turns sockets into `ApiRequest`s and `ApiResponse`s into bytes, and knows nothing else.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2SecureServer, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { constants, createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ApiRequest, Handler } from '../../api/machinery/handler.ts';
import { badRequest, requestEntityTooLarge, serverTimeout, tooManyRequests } from '../../api/machinery/errors.ts';
import type { ApiError } from '../../api/machinery/errors.ts';
import { realClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PeerReader } from './peer-certificate.ts';
import { peerReader } from './peer-certificate.ts';
import { BodyBudget, readBody } from './read-body.ts';
import type { BodyLimits, BodyOutcome } from './read-body.ts';
import type { ResponseSink } from './send-response.ts';
import { sendResponse } from './send-response.ts';
import { SessionGuard } from './session-guard.ts';
import type { SessionLimits } from './session-guard.ts';
import { SocketRequest } from './socket-request.ts';

export interface HttpServerOptions {
  handler: Handler;
  /** PEM. */
  certificate: string;
  key: string;
  clientCa: string;
  /** Of proxies that say whose request they bring. */
  frontProxyCa?: string;
  log: Logger;
  limits?: Partial<HttpLimits>;
  /** Whether the body of a request for this path, which is percent-encoded, is another server's to read. */
  passesBody?: (method: string, path: string) => boolean;
}

export interface HttpLimits extends SessionLimits {
  maxBodyBytes: number;
  /** Of all bodies that are being read. */
  maxBodyBytesTogether: number;
  bodyTimeoutMs: number;
  /** Until the TLS handshake is done, and over HTTP/1.1 until the head of a request is there. */
  headerTimeoutMs: number;
  /** Of the head of a request. */
  maxHeaderBytes: number;
  /** How long a connection of HTTP/2 stays open on which nothing is asked. */
  idleTimeoutMs: number;
}

export interface HttpServer {
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Stops accepting, ends what is under way after `graceMs`. */
  close(): Promise<void>;
}

/** How often connections are looked at that have not sent a whole head yet. */
const CHECKING_INTERVAL_MS = 5_000;

/** Times, sizes and the streams' number are those of upstream (`pkg/server/{config,secure_serving}.go`, Go's `http2`). */
const DEFAULT_LIMITS: HttpLimits = {
  maxBodyBytes: 3 << 20,
  maxBodyBytesTogether: 256 << 20,
  bodyTimeoutMs: 60_000,
  headerTimeoutMs: 32_000,
  maxHeaderBytes: 1 << 20,
  idleTimeoutMs: 90_000,
  // Upstream has gone down to 100 since; clients that open no second connection need more for their watches.
  maxStreams: 250,
  // Below nghttp2's own 1000 and 33, beyond which it says goodbye, hears no more, and stays.
  resetBurst: 500,
  resetsPerSecond: 30,
};

/** As upstream's API server (`pkg/server/secure_serving.go`). */
const KEEP_ALIVE_MS = 180_000;

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = createSecureServer({
    key: options.key,
    cert: options.certificate,
    ca: [options.clientCa, ...(options.frontProxyCa === undefined ? [] : [options.frontProxyCa])],
    requestCert: true,
    rejectUnauthorized: false,
    allowHTTP1: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headerTimeoutMs,
    maxSessionInvalidFrames: 100,
    settings: {
      maxConcurrentStreams: limits.maxStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      initialWindowSize: 1 << 20,
      // Most bodies, and every head, in one frame.
      maxFrameSize: 1 << 18,
    },
  } as Parameters<typeof createSecureServer>[0]);
  // What Node reads from a server that speaks HTTP/1.1 too, though it takes it as an option of `node:http` alone.
  Object.assign(server, {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headerTimeoutMs,
    connectionsCheckingInterval: Math.min(limits.headerTimeoutMs, CHECKING_INTERVAL_MS),
  });
  const sockets = new Set<Socket>();
  // Also those that have not shown yet that they speak TLS: they would hold up the end of the server.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.setNoDelay(true);
    // A client that has vanished ends its exec, port-forward or watch, also one that says nothing for hours.
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('error', () => socket.destroy());
  });
  server.on('sessionError', () => undefined);
  server.on('session', (session) => guard(session, limits));
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const serve = serverOf(options, limits);
  server.on('request', (request, response) =>
    serve.http1(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  );
  // Node's compatibility layer would build a request and a response object for every HTTP/2 stream: streams are served bare.
  server.removeAllListeners('stream');
  server.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: readonly string[]) =>
      serve.http2(stream, { headers, rawHeaders }),
  );
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
    serve.upgrade(request, socket, head),
  );
  return { listen: (port, host) => listen(server, port, host), close: () => close(server, sockets) };
}

const guards = new WeakMap<object, SessionGuard>();

/** A connection with a request under way is not idle, however quiet its watch. */
function guard(session: ServerHttp2Session, limits: HttpLimits): void {
  const guard = new SessionGuard(session, limits, realClock);
  guards.set(session, guard);
  session.setTimeout(limits.idleTimeoutMs, () => {
    if (guard.isIdle) session.close();
  });
}

function listen(server: Http2SecureServer, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

function close(server: Http2SecureServer, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}

interface Servers {
  http1(request: IncomingMessage, response: ServerResponse): void;
  http2(stream: ServerHttp2Stream, head: { headers: IncomingHttpHeaders; rawHeaders: readonly string[] }): void;
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
}

function serverOf(options: HttpServerOptions, limits: HttpLimits): Servers {
  const { handler, log } = options;
  const readPeer = peerReader(options);
  const bodyLimits: BodyLimits = {
    maxBytes: limits.maxBodyBytes,
    timeoutMs: limits.bodyTimeoutMs,
    budget: new BodyBudget(limits.maxBodyBytesTogether),
    clock: realClock,
  };
  /** Runs one request; never rejects. */
  const run = async (request: ApiRequest, body: RequestBody | undefined, sink: ResponseSink): Promise<void> => {
    try {
      if (body !== undefined) offerBody(request, body, bodyLimits);
      const response = await handler(request);
      await sendResponse(response, sink, request);
      if (body !== undefined && request.body === undefined) body.discard();
    } catch (error) {
      if (!request.signal.aborted)
        log.error('a response could not be sent', { path: request.path, error: String(error) });
      sink.abort();
    }
  };
  return {
    http1(message, response) {
      const request = messageRequest(message, readPeer);
      response.on('close', () => request.close());
      const body = isFramed(message.headers) ? bodyOf(request, options, () => http1Body(message)) : undefined;
      void run(request, body, http1Sink(response));
    },
    http2(stream, { headers, rawHeaders }) {
      const method = headers[':method'] as string;
      const socket = stream.session?.socket as unknown as TLSSocket;
      const guard = guards.get(stream.session ?? stream);
      if (guard?.begin() === false) return;
      const url = headers[':path'] as string;
      const request = new SocketRequest({ method, url, headers, rawHeaders, socket, readPeer });
      stream.on('close', () => {
        request.close();
        guard?.end(!stream.aborted);
      });
      stream.on('error', () => request.close());
      const body = stream.endAfterHeaders ? undefined : bodyOf(request, options, () => http2Body(stream));
      void run(request, body, http2Sink(stream)).then(() => guard?.finish());
    },
    upgrade(message, socket, head) {
      const request = messageRequest(message, readPeer);
      socket.on('close', () => request.close());
      socket.on('error', () => socket.destroy());
      void upgrade(handler, request, { message, socket, head });
    },
  };
}

/** GET and HEAD have a body for another server alone. */
function bodyOf(
  { method, path }: ApiRequest,
  { passesBody = () => false }: HttpServerOptions,
  open: () => IncomingBody,
): RequestBody | undefined {
  const isPassed = passesBody(method, path);
  if (!isPassed && (method === 'GET' || method === 'HEAD')) return undefined;
  return { ...open(), isPassed };
}

/** To be read once the request is known to be allowed, or to be passed on. */
function offerBody(request: ApiRequest, { stream, isPassed }: RequestBody, limits: BodyLimits): void {
  if (isPassed) {
    request.bodyStream = { [Symbol.asyncIterator]: () => stream.iterator({ destroyOnReturn: false }) };
    return;
  }
  request.receiveBody = async () => {
    const outcome = await readBody(stream, limits);
    if (outcome.type !== 'read') throw bodyRefusal(outcome.type, limits);
    request.body = outcome.bytes;
  };
}

function messageRequest(
  { method, url, headers, rawHeaders, socket }: IncomingMessage,
  readPeer: PeerReader,
): SocketRequest {
  return new SocketRequest({
    method: method!,
    url: url!,
    headers,
    rawHeaders,
    socket: socket as TLSSocket,
    readPeer,
  });
}

function bodyRefusal(type: Exclude<BodyOutcome['type'], 'read'>, { maxBytes }: BodyLimits): ApiError {
  switch (type) {
    case 'too-large':
      return requestEntityTooLarge(`Request entity too large: limit is ${maxBytes}`);
    case 'too-slow':
      return serverTimeout('request did not complete within the allotted timeout');
    case 'no-room':
      return tooManyRequests('Too many requests, please try again later.', 1);
    case 'cut-off':
      return badRequest('unexpected EOF');
  }
}

/** A refused upgrade is answered and closed: nothing of it stays open for further use (CVE-2018-1002105). */
async function upgrade(
  handler: Handler,
  request: ApiRequest,
  raw: { message: IncomingMessage; socket: Socket; head: Buffer },
): Promise<void> {
  const response = await handler(request).catch(() => undefined);
  if (response?.body.type === 'upgrade') {
    response.body.accept(raw.message, raw.socket, raw.head);
    return;
  }
  const bytes = response?.body.type === 'object' ? response.body.encoded.bytes() : new Uint8Array();
  const status = response === undefined || response.status < 400 ? 400 : response.status;
  raw.socket.write(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`,
  );
  raw.socket.end(bytes);
}

/** Over HTTP/1.1 a body is announced. */
function isFramed(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Stays open when it is not read to its end: the answer still has to go out. */
interface IncomingBody {
  stream: Readable;
  /** What is left is not wanted, and not kept. */
  discard(): void;
}

interface RequestBody extends IncomingBody {
  /** Left for whoever the request is passed on to. */
  isPassed: boolean;
}

function http1Body(message: IncomingMessage): IncomingBody {
  // A listener, so that what somebody has begun to read flows on when he lets go of it.
  return { stream: message, discard: () => void message.on('data', () => undefined).resume() };
}

/** The client is told to stop once it has its answer (RFC 9113, 8.1). */
function http2Body(stream: ServerHttp2Stream): IncomingBody {
  return {
    stream,
    discard() {
      if (stream.readableEnded || stream.destroyed) return;
      stream.resume();
      if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
      else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
    },
  };
}

/** Calls back when there is room again, or nobody to send to. */
function onceEither(stream: ServerResponse | ServerHttp2Stream, callback: () => void): void {
  const done = (): void => {
    stream.removeListener('drain', done);
    stream.removeListener('close', done);
    callback();
  };
  stream.on('drain', done);
  stream.on('close', done);
}

function http1Sink(response: ServerResponse): ResponseSink {
  return {
    head: (status, headers) => void response.writeHead(status, headers),
    flushHead: () => response.flushHeaders(),
    write: (bytes) => response.write(bytes),
    drained: (callback) => onceEither(response, callback),
    end: (bytes) => void response.end(bytes),
    abort: () => void response.destroy(),
  };
}

function http2Sink(stream: ServerHttp2Stream): ResponseSink {
  return {
    head(status, headers) {
      if (stream.destroyed || stream.headersSent) return;
      stream.respond({ [constants.HTTP2_HEADER_STATUS]: status, ...headers });
    },
    flushHead: () => undefined,
    write: (bytes) => stream.destroyed || stream.write(bytes),
    drained: (callback) => onceEither(stream, callback),
    end: (bytes) => void (stream.destroyed || stream.end(bytes)),
    // Closed, with whatever code, the stream would end first, and what is cut off would look whole.
    abort: () => void (stream.destroyed || stream.destroy(new Error('the answer is broken off'))),
  };
}
