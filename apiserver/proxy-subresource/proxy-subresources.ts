/**
 * `nodes/proxy`, `pods/proxy` and `services/proxy`: any request is passed on to what the object stands for, and its
 * answer back, while both still come (apimachinery `util/proxy/upgradeaware.go`, `UpgradeAwareHandler`).
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { badRequest, methodNotAllowed } from '../../api/machinery/errors.ts';
import type { ApiRequest, ApiResponse } from '../../api/machinery/handler.ts';
import { tunnelTo } from '../kubelet-proxy/tunnel.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import type { Subresource, VerbHandler } from '../router.ts';
import type { VerbDependencies } from '../verbs/dependencies.ts';
import { writeContext } from '../verbs/write-context.ts';
import type { Backends } from './backend.ts';
import { withLinks } from './html-links.ts';
import type { LinkContext } from './links.ts';
import { throughProxy } from './links.ts';
import { requestHeaders, responseHeaders } from './proxied-headers.ts';
import type { ProxiedPath } from './proxied-path.ts';
import { proxiedPath } from './proxied-path.ts';
import type { ProxyTarget, TargetSources } from './target.ts';
import { nodeTarget, podTarget, serviceTarget } from './target.ts';

/** `proxyMethods` of `pkg/registry/core/{node,pod,service}`. */
const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
/** Their answers have no body. */
const BODILESS = new Set([204, 205, 304]);

const KINDS = {
  nodes: { options: 'NodeProxyOptions', target: (sources, _namespace, id) => nodeTarget(sources, id) },
  pods: { options: 'PodProxyOptions', target: podTarget },
  services: { options: 'ServiceProxyOptions', target: serviceTarget },
} satisfies Record<string, { options: string; target: FindTarget }>;

type FindTarget = (sources: TargetSources, namespace: string, id: string) => ProxyTarget;
export type ProxiedKind = keyof typeof KINDS;

export interface ProxyOptions extends TargetSources {
  backends: Backends;
}

export function isProxiedKind(plural: string): plural is ProxiedKind {
  return Object.hasOwn(KINDS, plural);
}

/** The subresource `proxy` of one of the three kinds. */
export function proxySubresource(plural: ProxiedKind, { backends, ...sources }: ProxyOptions): Subresource {
  const { options, target } = KINDS[plural];
  const handler: VerbHandler = async (context, kind, dependencies) => {
    const { request, info } = context;
    if (!METHODS.has(request.method)) throw methodNotAllowed();
    if (request.query.has('dryRun')) throw badRequest('dryRun is not supported');
    const path = proxiedPath(request.path, info);
    await admitConnect({ context, kind, dependencies }, { options, path: path.path });
    const found = target(sources, info.namespace, pathName(info));
    return pass(request, { path, target: found, backends });
  };
  const verbs = { create: handler, delete: handler, get: handler, patch: handler, update: handler };
  return { name: 'proxy', kind: { group: '', version: 'v1', kind: options }, verbs, otherMethods: handler };
}

/** What admission sees: where the request goes on to. */
async function admitConnect(
  {
    context,
    kind,
    dependencies,
  }: { context: RequestContext; kind: ServedKind; dependencies: Pick<VerbDependencies, 'store'> },
  { options, path }: { options: string; path: string },
): Promise<void> {
  const form = { schema: '', kind: options, apiVersion: 'v1' };
  const key = { namespace: context.info.namespace, name: pathName(context.info) };
  const about = { key, subresource: 'proxy', context: writeContext(context), operation: 'CONNECT', form } as const;
  const object = { kind: form.kind, apiVersion: form.apiVersion, ...(path === '' ? {} : { path }), metadata: {} };
  await dependencies.store.admit(kind, object, about);
}

interface Passage {
  path: ProxiedPath;
  target: ProxyTarget;
  backends: Backends;
}

async function pass(request: ApiRequest, { path, target, backends }: Passage): Promise<ApiResponse> {
  const search = request.search ?? `${request.query}`;
  const query = search === '' ? '' : `?${search}`;
  const host = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  const headers = requestHeaders(request, { uri: path.prefix + path.path, host });
  const backendPath = (path.path || '/') + query;
  if (isUpgrade(request)) return tunnel(request, { backends, target, path: backendPath, headers });
  if (path.path === '' && (request.method === 'GET' || request.method === 'HEAD'))
    return { status: 301, headers: { location: `${path.prefix}/${query}` }, body: { type: 'none' } };
  const { method, signal } = request;
  const body = request.bodyStream ?? (request.body?.length === 0 ? undefined : request.body);
  const answer = await backends.send(target, { method, path: backendPath, headers, body, signal });
  return answerOf(request, answer, { prefix: path.prefix, backendHost: host, requestHost: headers['host']! });
}

/** Whatever it asks to become: the backend may know it. */
function isUpgrade({ headers }: ApiRequest): boolean {
  return headers['upgrade'] !== undefined && headers['connection']?.toLowerCase().includes('upgrade') === true;
}

interface TunnelRequest {
  backends: Backends;
  target: ProxyTarget;
  path: string;
  headers: Record<string, string>;
}

function tunnel({ method, headers }: ApiRequest, { backends, target, path, headers: passed }: TunnelRequest) {
  const lines = Object.entries({ ...passed, connection: 'Upgrade', upgrade: headers['upgrade']! });
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return tunnelTo({ connect: () => backends.connect(target), head: () => head });
}

function answerOf({ method }: ApiRequest, answer: IncomingMessage, links: LinkContext): ApiResponse {
  const status = answer.statusCode!;
  const headers = responseHeaders(answer.headers);
  const { location } = answer.headers;
  if (location !== undefined) headers['location'] = throughProxy(location, links);
  const hasBody = method !== 'HEAD' && !BODILESS.has(status);
  const isRewritten = hasBody && location === undefined && isReadableHtml(answer);
  if (!isRewritten) return { status, headers, body: { type: 'carried', chunks: answer } };
  delete headers['content-length'];
  return { status, headers, body: { type: 'carried', chunks: rewritten(answer, links) } };
}

/** Links in an encoding that is not understood stay as they are. */
function isReadableHtml({ headers }: IncomingMessage): boolean {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  const encoding = headers['content-encoding'] ?? '';
  return type.trim().toLowerCase() === 'text/html' && (encoding === '' || encoding === 'gzip');
}

function rewritten(answer: IncomingMessage, links: LinkContext): AsyncIterable<Uint8Array> {
  const change = (chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    withLinks(chunks, (link) => throughProxy(link, links));
  if (answer.headers['content-encoding'] !== 'gzip') return change(answer);
  // Whoever reads the last of them is told of what goes wrong in any.
  return pipeline(answer, createGunzip(), change, createGzip(), () => undefined) as unknown as Readable;
}
