/** One question to an extender: a POST of JSON that is answered with JSON, bounded in time and size. */
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { Clock } from '../base/clock.ts';

/** A list of 5,000 nodes with everything that is in them fits well. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const OUT_OF_TIME = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';

export interface ExtenderTls {
  /** The server's certificate is not checked. */
  insecure: boolean;
  /** Instead of the URL's host. */
  serverName?: string;
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

export interface ExtenderConnection {
  timeoutMs: number;
  /** For URLs of `https`. */
  tls: ExtenderTls;
  clock: Clock;
  signal: AbortSignal;
}

/** The extender has answered, and not with 200. */
export class ExtenderStatusError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number) {
    super(`code ${statusCode}`);
    this.statusCode = statusCode;
  }
}

/**
 * Resolves to what is answered with status 200, rejects with `ExtenderStatusError` for another one. Redirects are not
 * followed, no connection is kept.
 */
export async function askExtender(url: string, question: unknown, connection: ExtenderConnection): Promise<unknown> {
  const { clock, timeoutMs, signal } = connection;
  const stopping = new AbortController();
  let problem: string | undefined;
  const stop = (why: string): void => {
    problem = why;
    stopping.abort();
  };
  const cancel = clock.setTimeout(() => stop(OUT_OF_TIME), timeoutMs);
  const onAbort = (): void => stop('the scheduler is stopping');
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const text = await post(new URL(url), JSON.stringify(question), { ...connection, signal: stopping.signal });
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof ExtenderStatusError) throw error;
    throw new Error(`Post ${JSON.stringify(url)}: ${problem ?? (error as Error).message}`, { cause: error });
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

function post(url: URL, body: string, { tls, signal }: ExtenderConnection): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const options: RequestOptions = { method: 'POST', headers, agent: false, signal, ...secured(url, tls) };
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, options, (response) => {
      read(response).then(resolve, (error: unknown) => {
        request.destroy();
        reject(error as Error);
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

function secured({ protocol }: URL, { insecure, serverName, ca, cert, key }: ExtenderTls): RequestOptions {
  if (protocol !== 'https:') return {};
  return {
    rejectUnauthorized: !insecure,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

async function read(response: IncomingMessage): Promise<string> {
  const { statusCode } = response;
  if (statusCode !== 200) throw new ExtenderStatusError(statusCode ?? 0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
