/** The subsets of an Endpoints object: who is listed, and under which ports (upstream `RepackSubsets`). */
import type { Endpoints } from '../api/core/v1/endpoints.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Service } from '../api/core/v1/service.ts';
import { endpointOf, isEndpoint, targetPortOn } from './endpoint-slice.ts';

export type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];
type Port = NonNullable<Subset['ports']>[number];
type ServicePort = NonNullable<NonNullable<Service['spec']>['ports']>[number];

/**
 * Pods that have the same ports are together. One that is being deleted is in none, unless those that are not ready are
 * wanted too.
 */
export function subsetsOf(service: Service, selected: readonly Pod[]): Subset[] {
  const { publishNotReadyAddresses = false, clusterIP, ports: servicePorts = [] } = service.spec ?? {};
  const listed = selected.filter(
    (pod) => isEndpoint(pod) && (publishNotReadyAddresses || pod.metadata.deletionTimestamp === undefined),
  );
  // Only a headless Service may do without ports.
  if (servicePorts.length === 0)
    return clusterIP === 'None' && listed.length > 0 ? [subsetWith([], listed, service)] : [];
  const found = servicePorts.flatMap((port) => listed.flatMap((pod) => portOn(pod, port)));
  const podsOfPorts = grouped(found, ({ port }) => JSON.stringify(port)).map((same) => ({
    port: same[0]!.port,
    pods: same.map(({ pod }) => pod),
  }));
  return grouped(podsOfPorts, ({ pods }) => pods.map(({ metadata }) => metadata.uid).join()).map((same) =>
    subsetWith(
      same.map(({ port }) => port),
      same[0]!.pods,
      service,
    ),
  );
}

/** Nothing when the pod has no port of that name. */
function portOn(pod: Pod, servicePort: ServicePort): { port: Port; pod: Pod }[] {
  const number = targetPortOn(pod, servicePort);
  if (number === undefined) return [];
  const { name, protocol = 'TCP', appProtocol } = servicePort;
  const port = {
    ...(name === undefined ? {} : { name }),
    port: number,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  };
  return [{ port, pod }];
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function subsetWith(ports: Port[], pods: readonly Pod[], service: Service): Subset {
  const addresses: Address[] = [];
  const notReadyAddresses: Address[] = [];
  for (const pod of pods) {
    const { conditions, addresses: ips, hostname, nodeName, targetRef } = endpointOf(pod, service);
    const address = {
      ip: ips[0]!,
      ...(hostname === undefined ? {} : { hostname }),
      ...(nodeName === undefined ? {} : { nodeName }),
      targetRef,
    } as Address;
    (conditions?.ready === true ? addresses : notReadyAddresses).push(address);
  }
  return {
    ...(addresses.length > 0 ? { addresses: addresses.sort(byIp) } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses: notReadyAddresses.sort(byIp) } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  };
}

/** As text, then by pod, so that the order of the pods does not show. */
function byIp(left: Address, right: Address): number {
  const [a, b] = [sortKeyOf(left), sortKeyOf(right)];
  return a < b ? -1 : Number(a > b);
}

function sortKeyOf({ ip = '', targetRef }: Address): string {
  return `${ip} ${targetRef?.uid}`;
}
