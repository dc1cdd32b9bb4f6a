/** Connections to what is behind a proxy subresource, and its answers. Redirects are the client's to follow. */
import { lookup } from 'node:dns/promises';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { badRequest } from '../../api/machinery/errors.ts';
import type { KubeletCredentials } from '../kubelet-proxy/connection.ts';
import { tlsOptions } from '../kubelet-proxy/connection.ts';
import type { ProxyTarget } from './target.ts';
import { isProxyable, unreachable } from './target.ts';

const CONNECT_TIMEOUT_MS = 30_000;
/** Of the head of an answer: cookies and policies of applications are longer than Node expects. */
const MAX_HEAD_BYTES = 1 << 20;

export interface BackendRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  /** Read as fast as the backend takes it. Absent: there is none. */
  body: AsyncIterable<Uint8Array> | Uint8Array | undefined;
  signal: AbortSignal;
}

export interface BackendsOptions {
  credentials: KubeletCredentials;
  /** Where a target is found. Default: at its own address. */
  route?(target: ProxyTarget): { host: string; port: number };
}

export class Backends {
  readonly #credentials: KubeletCredentials;
  readonly #route: (target: ProxyTarget) => { host: string; port: number };

  constructor({ credentials, route = addressOf }: BackendsOptions) {
    this.#credentials = credentials;
    this.#route = route;
  }

  /** The answer's head; its body is the caller's to read. Throws `ApiError` (503) when there is none. */
  async send(target: ProxyTarget, request: BackendRequest): Promise<IncomingMessage> {
    const options = await this.#options(target);
    try {
      return await exchange(
        target.scheme,
        { ...options, setHost: false, agent: false, maxHeaderSize: MAX_HEAD_BYTES },
        request,
      );
    } catch (error) {
      throw unreachable(explain(error, target));
    }
  }

  /** For a tunnel. Throws in the words of whoever could not connect. */
  async connect(target: ProxyTarget): Promise<Socket> {
    const options = await this.#options(target);
    return new Promise((resolve, reject) => {
      const isTls = target.scheme === 'https';
      const socket = isTls
        ? connectTls({ ...options, ALPNProtocols: ['http/1.1'] })
        : connectTcp({ host: options.host, port: options.port });
      const onError = (error: Error): void => reject(new Error(explain(error, target)));
      limitConnecting(socket);
      socket.once('error', onError);
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        socket.removeListener('error', onError);
        resolve(socket);
      });
    });
  }

  /** Pods and Services have no certificates that could be verified: upstream does not, either. */
  async #options(target: ProxyTarget): Promise<{ host: string; port: number }> {
    const { host, port } = this.#route(target);
    const tls =
      target.kubelet === undefined
        ? { rejectUnauthorized: false, servername: '' }
        : tlsOptions(this.#credentials, target.kubelet);
    return { ...tls, host: isIP(host) === 0 && target.kubelet === undefined ? await resolved(host) : host, port };
  }
}

function addressOf({ host, port }: ProxyTarget): { host: string; port: number } {
  return { host, port };
}

/** The connection is made to the address that was looked at. */
async function resolved(name: string): Promise<string> {
  const addresses = await lookup(name, { all: true }).catch((error: Error) => {
    throw unreachable(`dial tcp: ${error.message}`);
  });
  if (addresses.length === 0 || !addresses.every(({ address }) => isProxyable(address)))
    throw badRequest('address not allowed');
  return addresses[0]!.address;
}

function exchange(
  scheme: ProxyTarget['scheme'],
  options: RequestOptions,
  { method, path, headers, body, signal }: BackendRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = scheme === 'https' ? httpsRequest : httpRequest;
    // Without a length that the client has told, the body's end is told by its encoding, whatever the method.
    const isChunked = body !== undefined && headers['content-length'] === undefined;
    const framing = isChunked ? { 'transfer-encoding': 'chunked' } : {};
    // Who was told that the connection ends might end it while the body is on its way, and its answer would be lost.
    const framed = { ...headers, ...framing, connection: 'keep-alive' };
    const request = send({ ...options, method, path, headers: framed, signal });
    request.on('socket', limitConnecting);
    // Also after the answer has begun, when the answer's own reader learns of it.
    request.on('error', reject);
    request.on('response', resolve);
    if (body === undefined || body instanceof Uint8Array) request.end(body);
    else
      pour(body, request).then(
        () => request.end(),
        (error: Error) => request.destroy(error),
      );
  });
}

/** Ends early, and leaves the rest, when the other side takes no more. */
async function pour(body: AsyncIterable<Uint8Array>, request: ReturnType<typeof httpRequest>): Promise<void> {
  for await (const chunk of body) {
    if (request.destroyed || request.closed) return;
    if (!request.write(chunk)) await drained(request);
  }
}

function drained(request: ReturnType<typeof httpRequest>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.removeListener('drain', done);
      request.removeListener('close', done);
      resolve();
    };
    request.on('drain', done);
    request.on('close', done);
  });
}

function limitConnecting(socket: Socket): void {
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
  socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => socket.setTimeout(0));
}

/** As Go words a failed connection. */
const DIAL_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

function explain(error: unknown, { host, port }: ProxyTarget): string {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  if (code === 'ECONNRESET') return message.includes('socket hang up') ? 'EOF' : 'read: connection reset by peer';
  const address = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const text = DIAL_TEXTS[code];
  return text === undefined ? message : `dial tcp ${address}: ${text}`;
}
