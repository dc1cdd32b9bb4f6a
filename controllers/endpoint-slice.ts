/** EndpointSlice: the addresses behind every Service with a selector (upstream `pkg/controller/endpointslice`). */
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Service } from '../api/core/v1/service.ts';
import { services } from '../api/core/v1/service.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpoint-slice.ts';
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import { selectorFromMap } from '../api/machinery/label-selector.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import { formatTime } from '../base/clock.ts';
import type { ControllerContext } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { newControllerRef } from '../client/owner-references.ts';
import { isPodReady, isPodTerminal } from './pods.ts';

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';
export const TRIGGER_TIME_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';
const MAX_ENDPOINTS = 100;

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];
type EndpointPort = NonNullable<EndpointSlice['ports']>[number];
type ServicePort = NonNullable<NonNullable<Service['spec']>['ports']>[number];

export const endpointSliceController = defineController<Service>({
  name: 'endpointslice-controller',
  for: services,
  watches: [
    { resource: pods, map: (pod, context) => servicesSelecting(pod as Pod, context) },
    {
      resource: endpointSlices,
      map: ({ metadata }) =>
        metadata.labels?.[MANAGED_BY_LABEL] === MANAGER
          ? [`${metadata.namespace}/${metadata.labels[SERVICE_NAME_LABEL]}`]
          : [],
    },
  ],
  writes: [endpointSlices],
  workers: 5,
  async reconcile({ namespace, name }, context) {
    // Observe
    const service = context.lister<Service>(services).get(namespace, name);
    if (service === undefined || service.spec?.selector === undefined || service.spec.type === 'ExternalName')
      return undefined;
    if (service.metadata.deletionTimestamp !== undefined) return undefined;
    const selector = selectorFromMap(service.spec.selector);
    const selected = context.lister<Pod>(pods).list({ namespace, labelSelector: selector });
    const existing = slicesOf(service, context);

    // Decide
    const wanted = wantedSlices(service, selected);

    // Act
    await reconcileSlices(service, { existing, wanted }, context);
    return undefined;
  },
});

/** Services whose selector takes this pod in. */
export function servicesSelecting(pod: Pod, context: Pick<ControllerContext, 'lister'>): string[] {
  const { namespace = '', labels = {} } = pod.metadata;
  return context
    .lister<Service>(services)
    .list({ namespace })
    .filter(
      ({ spec }) =>
        spec?.selector !== undefined && Object.entries(spec.selector).every(([key, value]) => labels[key] === value),
    )
    .map(({ metadata }) => `${namespace}/${metadata.name}`);
}

/** A pod that has ended, or has no address yet, is no endpoint; one that is being deleted still is, as terminating. */
export function isEndpoint(pod: Pod): boolean {
  return (pod.status?.podIP ?? '') !== '' && !isPodTerminal(pod);
}

export function endpointOf(pod: Pod, service: Service): Endpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isPodReady(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { hostname, subdomain, nodeName } = pod.spec;
  const isNamed = hostname !== undefined && subdomain === service.metadata.name;
  return {
    addresses: [pod.status!.podIP!],
    conditions: { ready, serving, terminating },
    ...(isNamed ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace!, name: pod.metadata.name!, uid: pod.metadata.uid! },
  };
}

/** The port number behind a service port on this pod; undefined when the pod names no such port. */
export function targetPortOn(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort as number | string | undefined;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  if (target === undefined || target === '') return port.port;
  const containers = [
    ...(pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
    ...pod.spec.containers,
  ];
  for (const container of containers) {
    const found = container.ports?.find(
      ({ name, protocol = 'TCP' }) => name === target && protocol === (port.protocol ?? 'TCP'),
    );
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

export interface WantedSlice {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

/** Endpoints grouped by the ports that they have, in slices of at most a hundred. */
export function wantedSlices(service: Service, selected: readonly Pod[]): WantedSlice[] {
  const groups = new Map<string, WantedSlice>();
  for (const pod of selected) {
    if (!isEndpoint(pod)) continue;
    const ports: EndpointPort[] = [];
    for (const port of service.spec?.ports ?? []) {
      const number = targetPortOn(pod, port);
      if (number === undefined) continue;
      ports.push({
        name: port.name ?? '',
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
      });
    }
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(pod, service));
    groups.set(key, group);
  }
  const all = [...groups.values()];
  return all.length === 0 ? [{ ports: [], endpoints: [] }] : all.flatMap(splitSlice);
}

function splitSlice({ ports, endpoints }: WantedSlice): WantedSlice[] {
  const slices: WantedSlice[] = [];
  for (let start = 0; start < endpoints.length; start += MAX_ENDPOINTS)
    slices.push({ ports, endpoints: endpoints.slice(start, start + MAX_ENDPOINTS) });
  return slices;
}

function slicesOf(service: Service, context: ControllerContext): EndpointSlice[] {
  const labelSelector = selectorFromMap({ [SERVICE_NAME_LABEL]: service.metadata.name!, [MANAGED_BY_LABEL]: MANAGER });
  return context
    .lister<EndpointSlice>(endpointSlices)
    .list({ namespace: service.metadata.namespace ?? '', labelSelector });
}

function sliceLabels(service: Service): Record<string, string> {
  const own = { ...service.metadata.labels };
  const headless = service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  return { ...own, ...headless, [SERVICE_NAME_LABEL]: service.metadata.name!, [MANAGED_BY_LABEL]: MANAGER };
}

/** Existing slices are filled anew in order, so that a small change is one write; surplus ones go. */
async function reconcileSlices(
  service: Service,
  { existing, wanted }: { existing: readonly EndpointSlice[]; wanted: readonly WantedSlice[] },
  { client, now }: ControllerContext,
): Promise<void> {
  const labels = sliceLabels(service);
  const unused = [...existing];
  for (const slice of wanted) {
    const samePorts = unused.findIndex(({ ports }) => JSON.stringify(ports ?? []) === JSON.stringify(slice.ports));
    const [reused] = unused.splice(samePorts < 0 ? 0 : samePorts, 1);
    const annotations = { [TRIGGER_TIME_ANNOTATION]: formatTime(now()) };
    if (reused === undefined) {
      await client.create<EndpointSlice>(endpointSlices, {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          generateName: `${service.metadata.name}-`,
          namespace: service.metadata.namespace!,
          labels,
          annotations,
          ownerReferences: [newControllerRef(service, services)],
        },
        addressType: 'IPv4',
        ...slice,
      });
    } else if (!isSameSlice(reused, { ...slice, labels })) {
      await client.update<EndpointSlice>(endpointSlices, {
        ...reused,
        metadata: { ...reused.metadata, labels, annotations },
        ...slice,
      });
    }
  }
  for (const { metadata } of unused) {
    await client
      .delete(endpointSlices, { namespace: metadata.namespace!, name: metadata.name! })
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  }
}

/** Whether it has these ports, endpoints and labels. */
export function isSameSlice(slice: EndpointSlice, wanted: WantedSlice & { labels: Record<string, string> }): boolean {
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? []) === JSON.stringify(b ?? []);
  const sorted = (labels: Record<string, string> | undefined): [string, string][] =>
    Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    same(slice.ports, wanted.ports) &&
    same(slice.endpoints, wanted.endpoints) &&
    same(sorted(slice.metadata.labels), sorted(wanted.labels))
  );
}
