/**
 * Sends requests for versions that an APIService gives to a Service on to that Service
 * (kube-aggregator `pkg/apiserver/handler_proxy.go`).
 *
 * **Invariant:** it stands behind authorization, and reaches nothing but endpoints of the Service.
 */
import type { IncomingMessage } from 'node:http';
import { validateHeaderValue } from 'node:http';
import { pathNotFound, serverTimeout } from '../../api/machinery/errors.ts';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { ApiRequest, ApiResponse } from '../../api/machinery/handler.ts';
import type { Clock } from '../../base/clock.ts';
import { networkProblem } from '../admission/webhook/go-errors.ts';
import { NoAddress } from '../admission/webhook/webhook-address.ts';
import { isUpgrade, tunnelTo } from '../kubelet-proxy/tunnel.ts';
import { responseHeaders } from '../proxy-subresource/proxied-headers.ts';
import type { Endpoint, RequestContext } from '../request-context.ts';
import { textResponse } from '../responses.ts';
import type { AggregatedServices } from './aggregated-services.ts';
import { groupVersionIn, isAvailable } from './aggregated-services.ts';
import type { Backend, Backends } from './backends.ts';
import { dial } from './backends.ts';
import type { BackendRequest } from './exchange.ts';
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
    const service = servedElsewhere(path, options);
    if (service === undefined) return local(context);
    // A server that resolved them would answer for another path than the one that was authorized.
    if (hasDotSegments(path)) throw pathNotFound();
    return proxy(context, service, options);
  };
}

/** The APIService whose Service answers for a path, if one does. */
export function servedElsewhere(
  path: string,
  { services }: Pick<AggregatorOptions, 'services'>,
): ApiService | undefined {
  const groupVersion = groupVersionIn(path) ?? groupVersionIn(openApiPath(path));
  return groupVersion && services.find(groupVersion);
}

/** The path whose OpenAPI document is asked for; `''` when none is. */
function openApiPath(path: string): string {
  const prefix = '/openapi/v3';
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : '';
}

/** Behind encoded slashes too: the other server may decode before it resolves. */
function hasDotSegments(path: string): boolean {
  return decodeURIComponent(path)
    .split('/')
    .some((segment) => segment === '.' || segment === '..');
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
  if (isUpgrade(context.request.headers)) return tunnel(context, backend);
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

function bodyOf({ method, body, bodyStream, object }: ApiRequest): BackendRequest['body'] {
  if (method === 'GET' || method === 'HEAD') return undefined;
  return object === undefined ? (bodyStream ?? body) : Buffer.from(JSON.stringify(object));
}

/** Exec and the like of kinds that are served elsewhere. */
function tunnel({ request, user }: RequestContext, backend: Backend): ApiResponse {
  const headers = {
    ...forwardedHeaders(request, user),
    connection: ['Upgrade'],
    upgrade: [request.headers['upgrade']!],
  };
  const lines = Object.entries({ ...headers, host: [backend.address.authority] }).flatMap(([name, values]) =>
    values.map((value) => {
      // A name with a line's end in it would write headers of its own.
      validateHeaderValue(name, value);
      return `${name}: ${value}`;
    }),
  );
  return tunnelTo({
    connect: () => dial(backend),
    head: () => [`${request.method} ${urlOf(request)} HTTP/1.1`, ...lines],
  });
}

function responseOf(answer: IncomingMessage, { request, info }: RequestContext): ApiResponse {
  const status = answer.statusCode ?? 502;
  if (status >= 300 && status < 400 && answer.headers.location !== undefined) {
    answer.destroy();
    // CVE-2022-3172: whom the client trusts must not send it, and its credentials, elsewhere.
    return plainError(502, 'the backend attempted to redirect this request, which is not permitted');
  }
  const { 'content-type': contentType = 'application/octet-stream', ...headers } = responseHeaders(answer.headers);
  if (request.method === 'HEAD' || status === 204 || status === 304) {
    answer.resume();
    return { status, headers, body: { type: 'none' } };
  }
  const isWatch = info.verb === 'watch' && status === 200;
  if (isWatch) return { status, headers, body: { type: 'watch', frames: answer, contentType: String(contentType) } };
  return { status, headers, body: { type: 'stream', chunks: answer, contentType: String(contentType) } };
}
