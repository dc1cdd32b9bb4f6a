/**
 * The client for components that live in the server's process: calls the `Handler` without a socket, as its own
 * identity, and receives the server's own frozen objects.
 */
import { ApiError } from '../api/machinery/errors.ts';
import type { Status } from '../api/machinery/errors.ts';
import type { ApiRequest, ApiResponse, Handler, ResponseBody, UserInfo, WatchEvent } from '../api/machinery/handler.ts';
import { realClock, sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Client } from './client.ts';
import { MAX_TRIES, retryAfterMs } from './retry.ts';
import { clientOver, errorFromStatus } from './verbs.ts';
import type { Transport, TransportRequest } from './verbs.ts';
import { decodeFrames } from './watch-frames.ts';

export interface InProcessOptions {
  handler: Handler;
  clock?: Clock;
  /** Authorized like any caller; groups must hold `system:authenticated` where that is wanted. */
  user: UserInfo;
  userAgent: string;
}

/** Objects passed to writes are copied by the server; objects returned are frozen and shared with its cache. */
export function inProcessClient(options: InProcessOptions): Client {
  return clientOver(inProcessTransport(options));
}

function inProcessTransport({ handler, user, userAgent, clock = realClock }: InProcessOptions): Transport {
  const send = (request: TransportRequest): Promise<ApiResponse> => handler(requestOf(request, { user, userAgent }));
  return {
    async call(request) {
      for (let tries = 1; ; tries++) {
        request.signal?.throwIfAborted();
        const { status, headers, body } = await send(request);
        if (status < 400) return request.ignoresResult === true ? undefined : await contentOf(body);
        const content = await statusOf(body);
        const retryMs = retryAfterMs(status, headers['retry-after']);
        if (retryMs === undefined || tries === MAX_TRIES) throw errorFromStatus(content, status);
        await sleep(clock, retryMs, request.signal);
      }
    },
    async *stream(request) {
      let response: ApiResponse;
      try {
        response = await send(request);
      } catch (error) {
        if (request.signal.aborted) return;
        throw error;
      }
      if (response.status >= 400) throw errorFromStatus(await statusOf(response.body), response.status);
      yield* untilAborted(eventsOf(response.body), request.signal);
    },
  };
}

/** For requests that nobody wants to cut short. */
const NEVER = new AbortController().signal;

function requestOf(request: TransportRequest, caller: { user: UserInfo; userAgent: string }): ApiRequest {
  const { method, path, query, accept = 'application/json', contentType, body } = request;
  return {
    method,
    path,
    query,
    headers: {
      accept,
      'user-agent': caller.userAgent,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    ...(body === undefined ? {} : { object: body }),
    user: caller.user,
    signal: request.signal ?? NEVER,
    wantsObjects: true,
  };
}

async function contentOf(body: ResponseBody): Promise<unknown> {
  if (body.type === 'none') return undefined;
  if (body.type === 'object') return body.encoded.object();
  return JSON.parse(await textOf(body)) as unknown;
}

/** What an aggregated server, or the way to it, says of a failure may be plain text. */
async function statusOf(body: ResponseBody): Promise<Partial<Status>> {
  if (body.type === 'none') return {};
  if (body.type === 'object') return body.encoded.object() as Partial<Status>;
  const text = await textOf(body);
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : { message: text.trim() };
  } catch {
    return text.trim() === '' ? {} : { message: text.trim() };
  }
}

async function textOf(body: ResponseBody): Promise<string> {
  if (body.type === 'bytes') return Buffer.from(body.bytes).toString('utf8');
  if (body.type !== 'stream') throw unexpectedBody(body.type);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function eventsOf(body: ResponseBody): AsyncIterable<readonly WatchEvent[]> {
  if (body.type === 'events') return body.batches;
  if (body.type === 'watch') return decodeFrames(body.frames);
  throw unexpectedBody(body.type);
}

function unexpectedBody(type: string): ApiError {
  return new ApiError({ code: 500, reason: 'InternalError', message: `unexpected response of type ${type}` });
}

/** A stream that fails because its signal aborted has only ended. */
async function* untilAborted<T>(batches: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  try {
    yield* batches;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
