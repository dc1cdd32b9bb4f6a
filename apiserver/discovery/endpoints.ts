/** The discovery paths, registered on the router. */
import { createHash } from 'node:crypto';
import type { ApiResponse } from '../../api/machinery/handler.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { RequestContext } from '../request-context.ts';
import { trimSlashes } from '../request-info.ts';
import { objectResponse } from '../responses.ts';
import type { Router } from '../router.ts';
import { aggregatedDiscovery, apiResources, groupsOf } from './discovery.ts';
import type { GroupVersions, Served } from './discovery.ts';
import type { RemoteVersion } from './remote-version.ts';

const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** What other servers serve. */
export interface RemoteVersions {
  versions(): readonly RemoteVersion[];
  /** Resolves soon, whatever those servers do. */
  settled(): Promise<void>;
}

export function addDiscovery(router: Router, remote: RemoteVersions, serverAddress: () => string): void {
  router.addPath('/api', (context) =>
    wantsAggregated(context)
      ? aggregated(context, aggregatedDiscovery(router, [], true))
      : objectResponse(apiVersions(serverAddress())),
  );
  router.addPath('/apis', async (context) => {
    await remote.settled();
    const served = { kinds: router.kinds(), remote: remote.versions() };
    return wantsAggregated(context)
      ? aggregated(context, aggregatedDiscovery(router, served.remote, false))
      : objectResponse(apiGroupList(served));
  });
  router.addPath('/api/', (context) => resourceList(context, router, remote));
  router.addPath('/apis/', (context) => resourceList(context, router, remote));
}

function wantsAggregated({ request }: RequestContext): boolean {
  const accept = (request.headers['accept'] ?? '').replaceAll(' ', '');
  return accept
    .split(',')
    .some(
      (clause) =>
        /^(application\/(json|\*)|\*\/\*);/.test(clause) &&
        /;g=apidiscovery\.k8s\.io(;|$)/.test(clause) &&
        /;v=v2(;|$)/.test(clause) &&
        /;as=APIGroupDiscoveryList(;|$)/.test(clause),
    );
}

function aggregated(context: RequestContext, document: unknown): ApiResponse {
  const bytes = Buffer.from(JSON.stringify(document));
  const etag = `"${createHash('sha256').update(bytes).digest('hex').toUpperCase()}"`;
  const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
  if (context.request.headers['if-none-match'] === etag) return { status: 304, headers, body: { type: 'none' } };
  return { status: 200, headers, body: { type: 'bytes', bytes, contentType: AGGREGATED_TYPE, compressible: true } };
}

function apiVersions(serverAddress: string): unknown {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

function apiGroup({ group, versions }: GroupVersions): Record<string, unknown> {
  const all = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: all, preferredVersion: all[0] };
}

function apiGroupList(served: Served): unknown {
  const groups = groupsOf(served).filter(({ group }) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(apiGroup) };
}

/** `/api/v1`, `/apis/apps` and `/apis/apps/v1`. */
function resourceList(context: RequestContext, router: Router, remote: RemoteVersions): ApiResponse {
  const segments = trimSlashes(context.info.path).split('/');
  const isCore = segments[0] === 'api';
  const group = isCore ? '' : (segments[1] ?? '');
  const version = isCore ? segments[1] : segments[2];
  const all = groupsOf({ kinds: router.kinds(), remote: isCore ? [] : remote.versions() });
  const served = all.find((entry) => entry.group === group);
  if (served === undefined || segments.length > (isCore ? 2 : 3)) throw errors.pathNotFound();
  if (version === undefined) return objectResponse({ kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(served) });
  if (!served.versions.includes(version)) throw errors.pathNotFound();
  const groupVersion = isCore ? version : `${group}/${version}`;
  return objectResponse({
    kind: 'APIResourceList',
    ...(isCore ? {} : { apiVersion: 'v1' }),
    groupVersion,
    resources: apiResources(router, { group, version }),
  });
}
