/** What the API server does beyond storing objects: it allocates Service addresses and carries streams to kubelets. */
import type { Node } from '../api/core/v1/node.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { ApiServerOptions } from '../apiserver/api-server.ts';
import { podStreams } from '../apiserver/kubelet-proxy/pod-streams.ts';
import { serviceAllocationHook } from '../apiserver/registry/allocators/service-allocation.ts';
import { realRandom } from '../base/random.ts';
import type { Certificates } from './certificates.ts';

export function serverExtensions({
  certificates,
  serviceCidr,
}: {
  certificates: Certificates;
  serviceCidr: string;
}): NonNullable<ApiServerOptions['extend']> {
  const { certificate, privateKey } = certificates.apiServerKubeletClient;
  const credentials = { ca: certificates.ca.certificate, certificate, privateKey };
  return ({ router, store, kinds, listers }) => {
    const nodes = listers<Node>({ group: '', plural: 'nodes' });
    for (const kind of kinds) {
      if (kind.resource.group !== '') continue;
      if (kind.resource.names.plural === 'pods')
        for (const stream of podStreams({ nodes, credentials })) router.addSubresource(kind, stream);
      if (kind.resource.names.plural === 'services') {
        const lister = listers<Service>({ group: '', plural: 'services' });
        store.addHook(kind, serviceAllocationHook({ lister, serviceCidr, random: realRandom }));
      }
    }
  };
}
