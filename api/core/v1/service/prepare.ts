/**
 * What the server itself changes in a written Service: keeps allocated values that an update left out, keeps
 * `clusterIP` and `clusterIPs` in step, and clears what a change of type made meaningless
 * (upstream: `pkg/registry/core/service/strategy.go`, `storage/alloc.go`).
 */
import { deepEqual } from '../../../machinery/equality.ts';
import { isExternallyAccessible, needsClusterIp, needsHealthCheckNodePort, needsNodePorts, specOf } from './spec.ts';
import type { Service, ServiceSpec } from './spec.ts';

export function prepareServiceForCreate(service: Service): void {
  service.status = { loadBalancer: {} };
  normalizeClusterIps(service);
}

export function prepareServiceForUpdate(next: Service, previous: Service): void {
  next.status = structuredClone(previous.status ?? { loadBalancer: {} });
  next.spec ??= {};
  patchAllocatedValues(next, previous);
  normalizeClusterIps(next, previous);
  keepFamilies(next.spec, specOf(previous));
  trimForSingleStack(next.spec, specOf(previous));
  dropTypeDependentFields(next.spec, specOf(previous));
  if (next.spec.type !== 'LoadBalancer') next.status.loadBalancer = {};
}

/**
 * Takes over what had been allocated where an update leaves it out (`patchAllocatedValues`). Idempotent.
 */
export function patchAllocatedValues(next: Service, previous: Service): void {
  const after = (next.spec ??= {});
  const before = specOf(previous);
  if (needsClusterIp(before) && needsClusterIp(after)) patchClusterIps(after, before);
  if (needsNodePorts(before) && needsNodePorts(after)) patchNodePorts(after, before);
  if (needsHealthCheckNodePort(before) && needsHealthCheckNodePort(after) && before.healthCheckNodePort) {
    after.healthCheckNodePort ||= before.healthCheckNodePort;
  }
}

function patchClusterIps(after: ServiceSpec, before: ServiceSpec): void {
  if (!after.clusterIP && before.clusterIP) after.clusterIP = before.clusterIP;
  if (isEmptyList(after.clusterIPs) && after.clusterIP === before.clusterIP && before.clusterIPs) {
    after.clusterIPs = [...before.clusterIPs];
  }
}

function isEmptyList(list: readonly unknown[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

/** Ports are recognized by name; a node port that the update gives to another port is not taken over. */
function patchNodePorts(after: ServiceSpec, before: ServiceSpec): void {
  const named = new Map((before.ports ?? []).map(({ name, nodePort }) => [name ?? '', nodePort]));
  const taken = new Set((after.ports ?? []).map(({ nodePort }) => nodePort ?? 0));
  for (const port of after.ports ?? []) {
    if (port.nodePort) continue;
    const known = named.get(port.name ?? '');
    if (known && !taken.has(known)) port.nodePort = known;
  }
}

/**
 * Lets clients write `clusterIP` alone (`normalizeClusterIPs`). Idempotent.
 */
export function normalizeClusterIps(next: Service, previous?: Service): void {
  const after = (next.spec ??= {});
  if (previous === undefined) {
    if (after.clusterIP && isEmptyList(after.clusterIPs)) after.clusterIPs = [after.clusterIP];
    return;
  }
  const before = specOf(previous);
  const isSameAddress = deepEqual(after.clusterIP || undefined, before.clusterIP || undefined);
  if (isSameAddress) {
    if (isEmptyList(after.clusterIPs) && before.clusterIPs) after.clusterIPs = [...before.clusterIPs];
  } else if (deepEqual(after.clusterIPs, before.clusterIPs)) {
    // The client wrote the one field and sent the other back as it was.
    if (after.clusterIP) after.clusterIPs = [after.clusterIP];
    else delete after.clusterIPs;
  }
}

/**
 * The families of addresses that stay, where an update leaves them out: upstream infers them from the addresses
 * before it validates (`initIPFamilyFields`), or has the defaults of the same policy where there are none.
 */
function keepFamilies(after: ServiceSpec, before: ServiceSpec): void {
  if (after.type === 'ExternalName' || before.ipFamilies === undefined || !isEmptyList(after.ipFamilies)) return;
  if (deepEqual(after.clusterIPs, before.clusterIPs)) after.ipFamilies = [...before.ipFamilies];
}

/** `SingleStack` on a dual-stack Service releases the second address (`trimFieldsForDualStackDowngrade`). */
function trimForSingleStack(after: ServiceSpec, before: ServiceSpec): void {
  const wasDual = before.ipFamilyPolicy === 'PreferDualStack' || before.ipFamilyPolicy === 'RequireDualStack';
  if (!wasDual || after.ipFamilyPolicy !== 'SingleStack') return;
  if (after.clusterIPs !== undefined) after.clusterIPs = after.clusterIPs.slice(0, 1);
  if (after.ipFamilies !== undefined) after.ipFamilies = after.ipFamilies.slice(0, 1);
}

/** Clears a field that the new type has no use for, unless the same update also sets it (`dropTypeDependentFields`). */
function dropTypeDependentFields(after: ServiceSpec, before: ServiceSpec): void {
  const drop = (...fields: (keyof ServiceSpec)[]): void => {
    if (fields.some((field) => !deepEqual(after[field], before[field]))) return;
    for (const field of fields) delete after[field];
  };
  if (needsClusterIp(before) && !needsClusterIp(after)) {
    drop('clusterIP', 'clusterIPs');
    drop('ipFamilies');
    drop('ipFamilyPolicy');
  }
  if (needsNodePorts(before) && !needsNodePorts(after) && deepEqual(nodePortsOf(after), nodePortsOf(before))) {
    for (const port of after.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheckNodePort(before) && !needsHealthCheckNodePort(after)) drop('healthCheckNodePort');
  if (before.type === 'LoadBalancer' && after.type !== 'LoadBalancer') {
    drop('allocateLoadBalancerNodePorts');
    drop('loadBalancerClass');
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(after)) drop('externalTrafficPolicy');
}

function nodePortsOf(spec: ServiceSpec): number[] {
  return [...new Set((spec.ports ?? []).map(({ nodePort }) => nodePort ?? 0))].filter(Boolean).sort((a, b) => a - b);
}
