/**
 * What a pod asks for and may use at most, over all its containers
 * (component-helpers `resource/helpers.go`, `PodRequests` and `PodLimits`).
 */
import type { Quantity } from '../../../machinery/quantity.ts';
import { tryParseQuantity, ZERO_QUANTITY } from '../../../machinery/quantity.ts';
import { isPodLevelResource } from '../resource-names.ts';
import { isSidecar } from './containers.ts';
import type { Container, ContainerStatus, Pod, ResourceList, ResourceRequirements } from './types.ts';

/** Amounts by resource name. A resource that nobody names is absent. */
export type ResourceAmounts = Map<string, Quantity>;

export interface PodResourcesOptions {
  /** Count what the kubelet reports as allocated and in use while a resize is under way. */
  useStatusResources?: boolean;
  excludeOverhead?: boolean;
  /** Ignore `spec.resources`. */
  skipPodLevelResources?: boolean;
}

type Side = 'requests' | 'limits';

/**
 * The larger of: all regular containers and sidecars together, and what the init containers need one after the other
 * beside the sidecars started before them; then pod-level requests in their place, and the overhead on top.
 * Quantities that do not parse count as absent.
 */
export function podRequests(pod: Pod, options: PodResourcesOptions = {}): ResourceAmounts {
  const amounts = aggregateContainers(pod, 'requests', options);
  if (options.skipPodLevelResources !== true) replaceWithPodLevel(amounts, pod.spec.resources?.requests);
  if (options.excludeOverhead !== true) addList(amounts, pod.spec.overhead);
  return amounts;
}

/** As `podRequests`, of limits; overhead is added only to resources that have a limit. */
export function podLimits(pod: Pod, options: PodResourcesOptions = {}): ResourceAmounts {
  const amounts = aggregateContainers(pod, 'limits', options);
  if (options.skipPodLevelResources !== true) replaceWithPodLevel(amounts, pod.spec.resources?.limits);
  if (options.excludeOverhead === true) return amounts;
  for (const [name, text] of Object.entries(pod.spec.overhead ?? {})) {
    const limit = amounts.get(name);
    if (limit !== undefined && !limit.isZero()) amounts.set(name, limit.add(tryParseQuantity(text) ?? ZERO_QUANTITY));
  }
  return amounts;
}

/** Over the containers only: neither pod-level resources nor overhead. */
export function aggregateContainerRequests(pod: Pod, options: PodResourcesOptions = {}): ResourceAmounts {
  return aggregateContainers(pod, 'requests', options);
}

export function aggregateContainerLimits(pod: Pod, options: PodResourcesOptions = {}): ResourceAmounts {
  return aggregateContainers(pod, 'limits', options);
}

/** The amount of one resource in a list; zero when it is absent or does not parse. */
export function amountOf(list: ResourceList | undefined, name: string): Quantity {
  return (list !== undefined && Object.hasOwn(list, name) ? tryParseQuantity(list[name]) : undefined) ?? ZERO_QUANTITY;
}

/** Whether `spec.resources` names a resource that can be set for the pod as a whole. */
export function hasPodLevelResources(pod: Pod): boolean {
  const { requests = {}, limits = {} } = pod.spec.resources ?? {};
  return Object.keys(requests).some(isPodLevelResource) || Object.keys(limits).some(isPodLevelResource);
}

/** In the canonical text, rounded up to thousandths, as resource lists are stored. Invalid amounts stay as they are. */
export function canonicalizeResourceList(list: ResourceList | undefined): void {
  if (list === undefined || list === null) return;
  for (const name of Object.keys(list)) {
    const quantity = tryParseQuantity(list[name]);
    if (quantity !== undefined) list[name] = quantity.roundUpToMilli().toString();
  }
}

function aggregateContainers(pod: Pod, side: Side, options: PodResourcesOptions): ResourceAmounts {
  const total: ResourceAmounts = new Map();
  const statuses = options.useStatusResources === true ? statusesByName(pod) : undefined;
  for (const container of pod.spec.containers ?? []) addList(total, effectiveList(container, side, { pod, statuses }));
  const initContainers = pod.spec.initContainers ?? [];
  if (initContainers.length === 0) return total;
  const sidecars: ResourceAmounts = new Map();
  const peak: ResourceAmounts = new Map();
  for (const container of initContainers) {
    if (isSidecar(container)) {
      const list = effectiveList(container, side, { pod, statuses });
      addList(total, list);
      addList(sidecars, list);
      raiseTo(peak, sidecars);
    } else {
      const together = new Map(sidecars);
      addList(together, container.resources?.[side]);
      raiseTo(peak, together);
    }
  }
  raiseTo(total, peak);
  return total;
}

function replaceWithPodLevel(amounts: ResourceAmounts, list: ResourceList | undefined): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined && isPodLevelResource(name)) amounts.set(name, quantity);
  }
}

interface StatusView {
  pod: Pod;
  statuses: Map<string, ContainerStatus> | undefined;
}

function statusesByName(pod: Pod): Map<string, ContainerStatus> {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return new Map([...containerStatuses, ...initContainerStatuses].map((status) => [status.name, status]));
}

/** While a resize is under way, the larger of what is wanted, allocated and in use; without `wanted` if infeasible. */
function effectiveList(container: Container, side: Side, { pod, statuses }: StatusView): ResourceList | undefined {
  const wanted = container.resources?.[side];
  const status = statuses?.get(container.name);
  const inUse = status?.resources?.[side];
  if (status === undefined || inUse === undefined) return wanted;
  const amounts: ResourceAmounts = new Map();
  if (!isResizeInfeasible(pod)) addList(amounts, wanted);
  if (side === 'requests') raiseTo(amounts, parseList(status.allocatedResources));
  raiseTo(amounts, parseList(inUse));
  return Object.fromEntries([...amounts].map(([name, quantity]) => [name, quantity.toString()]));
}

function isResizeInfeasible(pod: Pod): boolean {
  const conditions = pod.status?.conditions ?? [];
  return conditions.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible');
}

function parseList(list: ResourceList | undefined): ResourceAmounts {
  const amounts: ResourceAmounts = new Map();
  addList(amounts, list);
  return amounts;
}

function addList(amounts: ResourceAmounts, list: ResourceList | undefined): void {
  if (list === undefined || list === null) return;
  for (const name of Object.keys(list)) {
    const quantity = tryParseQuantity(list[name]);
    if (quantity === undefined) continue;
    const present = amounts.get(name);
    amounts.set(name, present === undefined ? quantity : present.add(quantity));
  }
}

function raiseTo(amounts: ResourceAmounts, floor: ResourceAmounts): void {
  for (const [name, quantity] of floor) {
    const present = amounts.get(name);
    if (present === undefined || present.cmp(quantity) < 0) amounts.set(name, quantity);
  }
}

/** `requests` completed with those limits that have no request of their own (`SetDefaults_Pod`). */
export function defaultRequestsFromLimits(resources: ResourceRequirements): void {
  if (resources.limits === undefined || resources.limits === null) return;
  resources.requests ??= {};
  for (const [name, limit] of Object.entries(resources.limits)) {
    if (!Object.hasOwn(resources.requests, name)) resources.requests[name] = limit;
  }
}
