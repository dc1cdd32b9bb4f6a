/**
 * Sends requests for versions that an APIService gives to a Service on to that Service
 * (kube-aggregator `pkg/apiserver/handler_proxy.go`).
 *
 * **Invariant:** it stands behind authorization, and reaches nothing but endpoints of the Service.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { pathNotFound, serverTimeout } from '../../api/machinery/errors.ts';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { ApiRequest, ApiResponse } from '../../api/machinery/handler.ts';
import type { Clock } from '../../base/clock.ts';
import { networkProblem } from '../admission/webhook/go-errors.ts';
import { NoAddress } from '../admission/webhook/webhook-address.ts';
import type { Endpoint, RequestContext } from '../request-context.ts';
import { textResponse } from '../responses.ts';
import type { AggregatedServices } from './aggregated-services.ts';
import { groupVersionIn, isAvailable } from './aggregated-services.ts';
import type { Backend, Backends } from './backends.ts';
import { exchange } from './exchange.ts';
import { forwardedHeaders } from './forwarded-headers.ts';

/** `--request-timeout`; watches and streams last longer. */
const REQUEST_TIMEOUT_MS = 60_000;
const LONG_SUBRESOURCES = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

export interface AggregatorOptions {
  services: AggregatedServices;
  backends: Backends;
  clock: Clock;
}

/** `local` answers everything that no Service does. */
export function withAggregation(local: Endpoint, options: AggregatorOptions): Endpoint {
  return (context) => {
    const { path } = context.request;
    const groupVersion = groupVersionIn(path) ?? groupVersionIn(openApiPath(path));
    const service = groupVersion && options.services.find(groupVersion);
    if (service === undefined) return local(context);
    // A server that resolved them would answer for another path than the one that was authorized.
    if (hasDotSegments(path)) throw pathNotFound();
    return proxy(context, service, options);
  };
}

/** The path whose OpenAPI document is asked for; `''` when none is. */
function openApiPath(path: string): string {
  const prefix = '/openapi/v3';
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : '';
}

function hasDotSegments(path: string): boolean {
  return path.split('/').some((segment) => /^\.{1,2}$/.test(decodeURIComponent(segment)));
}

async function proxy(
  context: RequestContext,
  service: ApiService,
  { backends, clock }: AggregatorOptions,
): Promise<ApiResponse> {
  if (!isAvailable(service)) return plainError(503, 'service unavailable');
  let backend: Backend;
  try {
    backend = backends.of(service);
  } catch (error) {
    if (error instanceof NoAddress) return plainError(503, 'service unavailable');
    throw error;
  }
  const { request, info, user } = context;
  const isLong = info.verb === 'watch' || LONG_SUBRESOURCES.has(info.subresource);
  const deadline = new AbortController();
  const cancel = isLong ? () => undefined : clock.setTimeout(() => deadline.abort(), REQUEST_TIMEOUT_MS);
  try {
    const answer = await exchange(backend, {
      method: request.method,
      url: urlOf(request),
      headers: forwardedHeaders(request, user),
      body: bodyOf(request),
      signal: AbortSignal.any([request.signal, deadline.signal]),
    });
    answer.once('close', cancel);
    return responseOf(answer, context);
  } catch (error) {
    cancel();
    if (deadline.signal.aborted) throw serverTimeout('request did not complete within the allotted timeout');
    request.signal.throwIfAborted();
    return plainError(503, networkProblem(error as Error, backend.address));
  }
}

/** As Go's `http.Error` writes it. */
function plainError(status: number, text: string): ApiResponse {
  const response = textResponse(`${text}\n`, status);
  return { ...response, headers: { ...response.headers, 'x-content-type-options': 'nosniff' } };
}

function urlOf({ path, query }: ApiRequest): string {
  const search = query.toString();
  return search === '' ? path : `${path}?${search}`;
}

function bodyOf({ method, body, object }: ApiRequest): Uint8Array | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  return object === undefined ? body : Buffer.from(JSON.stringify(object));
}

function responseOf(answer: IncomingMessage, { request, info }: RequestContext): ApiResponse {
  const status = answer.statusCode ?? 502;
  if (status >= 300 && status < 400 && answer.headers.location !== undefined) {
    answer.destroy();
    // CVE-2022-3172: whom the client trusts must not send it, and its credentials, elsewhere.
    return plainError(502, 'the backend attempted to redirect this request, which is not permitted');
  }
  const headers = answeredHeaders(answer.headers);
  if (request.method === 'HEAD' || status === 204 || status === 304) {
    answer.resume();
    return { status, headers, body: { type: 'none' } };
  }
  const { 'content-type': contentType = 'application/octet-stream' } = answer.headers;
  const isWatch = info.verb === 'watch' && status === 200;
  if (isWatch) return { status, headers, body: { type: 'watch', frames: answer, contentType } };
  return { status, headers, body: { type: 'stream', chunks: answer, contentType } };
}

const NOT_ANSWERED = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'content-type', 'alt-svc', 'strict-transport-security'],
]);

/** Who may read an answer in a browser is this server's to say. */
function answeredHeaders(headers: IncomingHttpHeaders): ApiResponse['headers'] {
  const kept: ApiResponse['headers'] = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || NOT_ANSWERED.has(name) || name.startsWith('access-control-')) continue;
    kept[name] = value;
  }
  return kept;
}
