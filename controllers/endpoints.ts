/** Endpoints: the older form of a Service's addresses, for clients that still read it (upstream `pkg/controller/endpoint`). */
import type { Endpoints } from '../api/core/v1/endpoints.ts';
import { endpoints } from '../api/core/v1/endpoints.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Service } from '../api/core/v1/service.ts';
import { services } from '../api/core/v1/service.ts';
import { selectorFromMap } from '../api/machinery/label-selector.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import { defineController } from '../client/controller.ts';
import { endpointOf, isEndpoint, servicesSelecting, targetPortOn } from './endpoint-slice.ts';

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];

export const endpointsController = defineController<Service>({
  name: 'endpoint-controller',
  for: services,
  watches: [{ resource: pods, map: (pod, context) => servicesSelecting(pod as Pod, context) }],
  reads: [endpoints],
  writes: [endpoints],
  workers: 5,
  async reconcile({ namespace, name }, { client, lister }) {
    const service = lister<Service>(services).get(namespace, name);
    const existing = lister<Endpoints>(endpoints).get(namespace, name);
    if (service === undefined) {
      if (existing !== undefined) await client.delete(endpoints, { namespace, name }).catch(ignoreGone);
      return undefined;
    }
    if (service.spec?.selector === undefined || service.spec.type === 'ExternalName') return undefined;
    const selected = lister<Pod>(pods).list({ namespace, labelSelector: selectorFromMap(service.spec.selector) });
    const subsets = subsetsOf(service, selected);
    const headless = service.spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
    const labels = {
      ...service.metadata.labels,
      ...headless,
      'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
    };
    if (existing === undefined) {
      await client.create<Endpoints>(endpoints, {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { name, namespace, labels },
        subsets,
      });
    } else if (
      JSON.stringify(existing.subsets ?? []) !== JSON.stringify(subsets) ||
      JSON.stringify(existing.metadata.labels) !== JSON.stringify(labels)
    ) {
      await client.update<Endpoints>(endpoints, { ...existing, metadata: { ...existing.metadata, labels }, subsets });
    }
    return undefined;
  },
});

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

/** Addresses grouped by the ports that they have; a pod that is being deleted is in none. */
export function subsetsOf(service: Service, selected: readonly Pod[]): Subset[] {
  const groups = new Map<
    string,
    { ports: NonNullable<Subset['ports']>; addresses: Address[]; notReadyAddresses: Address[] }
  >();
  for (const pod of selected) {
    if (!isEndpoint(pod) || pod.metadata.deletionTimestamp !== undefined) continue;
    const { conditions, addresses, hostname, nodeName, targetRef } = endpointOf(pod, service);
    const ports = (service.spec?.ports ?? []).flatMap((port) => {
      const number = targetPortOn(pod, port);
      return number === undefined
        ? []
        : [{ ...(port.name === undefined ? {} : { name: port.name }), port: number, protocol: port.protocol ?? 'TCP' }];
    });
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, addresses: [], notReadyAddresses: [] };
    const address = {
      ip: addresses[0]!,
      ...(hostname === undefined ? {} : { hostname }),
      ...(nodeName === undefined ? {} : { nodeName }),
      targetRef,
    } as Address;
    (conditions?.ready === true ? group.addresses : group.notReadyAddresses).push(address);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ ports, addresses, notReadyAddresses }) => ({
    ...(addresses.length > 0 ? { addresses: addresses.sort(byIp) } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses: notReadyAddresses.sort(byIp) } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  }));
}

/** As text, so that the order of the pods does not show (`RepackSubsets`). */
function byIp({ ip: left = '' }: Address, { ip: right = '' }: Address): number {
  return left < right ? -1 : Number(left > right);
}
