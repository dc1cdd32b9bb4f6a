/** What the EndpointSlices of Endpoints are that somebody writes by hand (upstream `pkg/controller/endpointslicemirroring/utils.go`). */
import { isIPv6 } from 'node:net';
import type { Endpoints } from '../../api/core/v1/endpoints.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { MANAGED_BY_LABEL, SERVICE_NAME_LABEL, TRIGGER_TIME_ANNOTATION } from '../endpoint-slice.ts';
import type { WantedSlice } from '../endpoint-slice.ts';

export const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** Of one subset. */
export const MAX_ADDRESSES = 1000;

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];
type Endpoint = WantedSlice['endpoints'][number];

export interface MirroredSlice extends WantedSlice {
  addressType: 'IPv4' | 'IPv6';
}

export interface MirroredSlices {
  slices: MirroredSlice[];
  /** Addresses that were one too many. */
  skipped: number;
}

/** A Service with a selector has slices of its own, and a lock is no address. */
export function shouldMirror(endpoints: Endpoints | undefined, service: Service | undefined): endpoints is Endpoints {
  if (endpoints === undefined || service === undefined || service.spec?.selector !== undefined) return false;
  const { labels = {}, annotations = {} } = endpoints.metadata;
  return labels[SKIP_LABEL] !== 'true' && !Object.hasOwn(annotations, LEADER_ANNOTATION);
}

/** One slice for the addresses of a family that have the same ports. */
export function mirroredSlices({ subsets = [] }: Endpoints): MirroredSlices {
  const slices = new Map<string, MirroredSlice>();
  const seen = new Set<string>();
  let skipped = 0;
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const all = [
      ...addresses.map((address) => endpointOf(address, true)),
      ...notReadyAddresses.map((address) => endpointOf(address, false)),
    ];
    skipped += Math.max(0, all.length - MAX_ADDRESSES);
    const slicePorts = portsOf(ports);
    for (const endpoint of all.slice(0, MAX_ADDRESSES)) {
      const addressType = isIPv6(endpoint.addresses[0]!) ? 'IPv6' : 'IPv4';
      const key = `${addressType} ${JSON.stringify(slicePorts)}`;
      const slice = slices.get(key) ?? { addressType, ports: slicePorts, endpoints: [] };
      slices.set(key, slice);
      // The first of those that say the same of one address counts.
      const { conditions: _, ...who } = endpoint;
      const identity = `${key} ${JSON.stringify(who)}`;
      if (!seen.has(identity) && slice.endpoints.length < MAX_ADDRESSES) slice.endpoints.push(endpoint);
      seen.add(identity);
    }
  }
  return { slices: [...slices.values()], skipped };
}

/** Those of the Endpoints, but for what is about the Endpoints themselves. */
export function mirroredMetadata({ metadata }: Endpoints): Pick<EndpointSlice['metadata'], 'labels' | 'annotations'> {
  const annotations = { ...metadata.annotations };
  delete annotations[TRIGGER_TIME_ANNOTATION];
  delete annotations[LAST_APPLIED_ANNOTATION];
  const labels = { ...metadata.labels, [SERVICE_NAME_LABEL]: metadata.name!, [MANAGED_BY_LABEL]: MANAGER };
  return { labels, annotations };
}

function endpointOf({ ip = '', hostname = '', nodeName, targetRef }: Address, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === '' ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

function portsOf(ports: NonNullable<Subset['ports']>): WantedSlice['ports'] {
  return ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }));
}
