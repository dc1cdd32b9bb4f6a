/**
 * What a pod, or a template of pods, has when its author says nothing (`pkg/apis/core/v1/defaults.go` and the
 * conversions in `pkg/apis/core/v1/conversion.go`).
 */
import { allContainers } from './containers.ts';
import { defaultPullPolicy } from './image-reference.ts';
import { aggregateContainerRequests, canonicalizeResourceList, defaultRequestsFromLimits } from './resources.ts';
import { isOvercommitAllowed, isHugePagesResource, isPodLevelResource } from '../resource-names.ts';
import { defaultDivisor, defaultVolume } from './volume-defaults.ts';
import type { AnyContainer, LifecycleHandler, Pod, PodSpec, PodStatus, PodTemplateSpec, Probe } from './types.ts';

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';
export const DEFAULT_TERMINATION_GRACE_PERIOD_SECONDS = 30;
export const DEFAULT_TERMINATION_MESSAGE_PATH = '/dev/termination-log';

/** Defaults of a whole pod; runs before admission and again after it. */
export function defaultPod(pod: Pod): void {
  pod.spec ??= { containers: [] };
  pod.status ??= {};
  defaultPodSpec(pod.spec, { template: false });
  defaultPodLevelResources(pod);
  normalizePodIps(pod.status);
}

/** Defaults of a template; `metadata` and `spec` come into being. */
export function defaultPodTemplate(template: PodTemplateSpec): void {
  template.metadata ??= {};
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec, { template: true });
}

/**
 * Defaults of a pod's spec. In a template, what only a pod gets is left open: requests from limits, service links,
 * host ports of a pod in the host's network.
 */
export function defaultPodSpec(spec: PodSpec, options: { template: boolean }): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= DEFAULT_TERMINATION_GRACE_PERIOD_SECONDS;
  spec.schedulerName ||= DEFAULT_SCHEDULER_NAME;
  aliasServiceAccount(spec);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of allContainers(spec)) defaultContainer(container);
  canonicalizeResourceList(spec.overhead);
  canonicalizeResourceList(spec.resources?.limits);
  canonicalizeResourceList(spec.resources?.requests);
  if (!options.template) defaultOnlyInPods(spec);
}

function defaultOnlyInPods(spec: PodSpec): void {
  spec.enableServiceLinks ??= true;
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  for (const container of containers) defaultRequestsFromLimits((container.resources ??= {}));
  if (spec.hostNetwork !== true) return;
  for (const port of containers.flatMap((container) => container.ports ?? [])) {
    if (!port.hostPort) port.hostPort = port.containerPort;
  }
}

/** `serviceAccount` is the old name; the new one wins, and both are served. */
function aliasServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

function defaultContainer(container: AnyContainer): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= DEFAULT_TERMINATION_MESSAGE_PATH;
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  canonicalizeResourceList(container.resources.limits);
  canonicalizeResourceList(container.resources.requests);
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  defaultEnv(container);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

function defaultEnv(container: AnyContainer): void {
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.resourceFieldRef) defaultDivisor(valueFrom.resourceFieldRef);
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
  }
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.grpc) probe.grpc.service ??= '';
  defaultHandler(probe);
}

function defaultHandler(handler: Pick<LifecycleHandler, 'httpGet'> | undefined): void {
  if (!handler?.httpGet) return;
  handler.httpGet.path ||= '/';
  handler.httpGet.scheme ||= 'HTTP';
}

/** `defaultHugePagePodLimits` and `defaultPodRequests`: only when `spec.resources` says something already. */
function defaultPodLevelResources(pod: Pod): void {
  const resources = pod.spec.resources;
  if (!resources) return;
  const aggregated = aggregateContainerRequests(pod);
  const requests = { ...resources.requests };
  defaultHugePagesLimits(resources);
  if (Object.keys(resources.limits ?? {}).length === 0) return;
  for (const [name, amount] of aggregated) {
    if (isPodLevelResource(name) && isOvercommitAllowed(name)) requests[name] ??= amount.toString();
  }
  for (const [name, limit] of Object.entries(resources.limits ?? {})) {
    if (isPodLevelResource(name)) requests[name] ??= limit;
  }
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

/** Huge pages cannot be overcommitted: what the pod asks for of them is also its limit. */
function defaultHugePagesLimits(resources: NonNullable<PodSpec['resources']>): void {
  for (const [name, request] of Object.entries(resources.requests ?? {})) {
    if (!isHugePagesResource(name)) continue;
    resources.limits ??= {};
    resources.limits[name] ??= request;
  }
}

/** `podIP` and the first of `podIPs` are the same address; when they differ, `podIP` wins. */
function normalizePodIps(status: PodStatus): void {
  const { podIP, podIPs = [] } = status;
  if (podIP) {
    if (podIPs[0]?.ip !== podIP) status.podIPs = [{ ip: podIP }];
  } else if (podIPs[0] !== undefined) {
    status.podIP = podIPs[0].ip;
  }
}
