/** What the API server does beyond storing objects: it allocates Service addresses, and carries requests to nodes and pods. */
import type { Node } from '../api/core/v1/node.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { AfterLoad, ApiServerOptions, ServerParts } from '../apiserver/api-server.ts';
import { podStreams } from '../apiserver/kubelet-proxy/pod-streams.ts';
import { Backends } from '../apiserver/proxy-subresource/backend.ts';
import type { ProxyOptions } from '../apiserver/proxy-subresource/proxy-subresources.ts';
import { isProxiedKind, proxySubresource } from '../apiserver/proxy-subresource/proxy-subresources.ts';
import { serviceAllocationHook } from '../apiserver/registry/allocators/service-allocation.ts';
import { SharedServiceAllocation } from '../apiserver/registry/allocators/shared-service-allocation.ts';
import { Collector } from '../apiserver/resource-metrics/collector.ts';
import { nodeMetricsHandlers, podMetricsHandlers } from '../apiserver/resource-metrics/handlers.ts';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Certificates } from './certificates.ts';
import type { NearbyNodes } from './node-usage.ts';
import { sampleSource } from './node-usage.ts';

/** How often what servers of one store have claimed is compared with what there is (upstream: the repair controllers). */
const REPAIR_PERIOD_MS = 3 * 60_000;

export interface ServerExtensions {
  certificates: Certificates;
  serviceCidr: string;
  nearby: NearbyNodes;
  log: Logger;
}

export function serverExtensions(options: ServerExtensions): NonNullable<ApiServerOptions['extend']> {
  const { certificates, nearby, log } = options;
  const { certificate, privateKey } = certificates.apiServerKubeletClient;
  const credentials = { ca: certificates.ca.certificate, certificate, privateKey };
  return (parts) => {
    const { router, kinds, listers } = parts;
    const nodes = listers<Node>({ group: '', plural: 'nodes' });
    const source = sampleSource(nodes, { nearby, credentials });
    const proxies: ProxyOptions = {
      nodes,
      pods: listers({ group: '', plural: 'pods' }),
      services: listers({ group: '', plural: 'services' }),
      endpoints: listers({ group: '', plural: 'endpoints' }),
      random: realRandom,
      backends: new Backends({ credentials }),
    };
    const collector = new Collector({ nodes, source, clock: realClock, log });
    for (const kind of kinds) {
      const { group, names } = kind.resource;
      if (group === 'metrics.k8s.io') {
        const handlers = names.plural === 'nodes' ? nodeMetricsHandlers : podMetricsHandlers;
        router.addAsked(kind, handlers({ listers, collector }));
      }
      if (group === '' && isProxiedKind(names.plural))
        router.addSubresource(kind, proxySubresource(names.plural, proxies));
      if (group === '' && names.plural === 'pods')
        for (const stream of podStreams({ nodes, credentials })) router.addSubresource(kind, stream);
    }
    return allocateForServices(parts, options);
  };
}

/** A store that others write to as well needs more than this server's own knowledge. */
function allocateForServices(
  { store, kinds, listers, storage, freshen }: ServerParts,
  { serviceCidr, log }: ServerExtensions,
): AfterLoad | undefined {
  const lister = listers<Service>({ group: '', plural: 'services' });
  const kind = kinds.find(({ resource }) => resource.group === '' && resource.names.plural === 'services')!;
  const ranges = { lister, serviceCidr, random: realRandom };
  if (storage.isShared !== true) {
    store.addHook(kind, serviceAllocationHook(ranges));
    return undefined;
  }
  const shared = new SharedServiceAllocation({ ...ranges, storage, freshen, log });
  store.addHook(kind, shared.hook);
  return async (signal) => {
    await shared.repair();
    const cancel = realClock.setInterval(() => {
      shared.repair().catch((error: unknown) => log.warn('the repair of claims failed', { error: String(error) }));
    }, REPAIR_PERIOD_MS);
    signal.addEventListener('abort', cancel, { once: true });
  };
}
