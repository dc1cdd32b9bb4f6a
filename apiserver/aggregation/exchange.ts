/** One request to an aggregated API server, and its answer as it streams in; never follows redirects. */
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import type { Backend } from './backends.ts';
import type { Headers } from './forwarded-headers.ts';

export interface BackendRequest {
  method: string;
  /** Percent-encoded, with the query. */
  url: string;
  headers: Headers;
  /** Read as fast as the server takes it. */
  body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Ends the request, and the answer under way. */
  signal: AbortSignal;
}

/**
 * Resolves with the head of the answer, whose body the caller reads or destroys. Only what may be asked twice goes over
 * a kept connection: of a write on one that the server was just closing, nobody could tell whether it was done.
 */
export async function exchange(backend: Backend, request: BackendRequest): Promise<IncomingMessage> {
  const isRepeatable = request.body === undefined && (request.method === 'GET' || request.method === 'HEAD');
  if (!isRepeatable) return send(backend, request, false);
  try {
    return await send(backend, request, true);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return send(backend, request, false);
  }
}

class StaleConnection extends Error {}

function send({ address, tls, agent }: Backend, request: BackendRequest, isKept: boolean): Promise<IncomingMessage> {
  const { method, url, headers, body, signal } = request;
  const length = body instanceof Uint8Array ? { 'content-length': body.byteLength } : {};
  return new Promise((resolve, reject) => {
    const message = httpsRequest({
      ...(isKept ? { agent } : { ...tls, agent: false }),
      servername: address.serverName,
      host: address.host,
      port: address.port,
      method,
      path: url,
      headers: { ...headers, ...length, host: address.authority },
      signal,
    });
    message.on('response', resolve);
    message.on('error', (error: NodeJS.ErrnoException) =>
      reject(isKept && message.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection() : error),
    );
    if (body === undefined || body instanceof Uint8Array) message.end(body);
    else pipeline(body, message, (error) => void (error && message.destroy(error)));
  });
}
