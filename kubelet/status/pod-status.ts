/**
 * The status of a pod as the kubelet reports it (upstream `pkg/kubelet/kubelet_pods.go`, `generateAPIPodStatus`):
 * pure.
 */
import { podQosClass } from '../../api/core/v1/qos.ts';
import type { Pod, PodStatus } from '../../api/core/v1/pod/types.ts';
import { formatTime } from '../../base/clock.ts';
import type { RuntimePod } from '../pods/runtime-pod.ts';
import { conditionsOf } from './conditions.ts';
import type { PodCondition } from './conditions.ts';
import { containerStatusesOf } from './container-status.ts';
import type { ContainerReadiness, ResourcesOf } from './container-status.ts';
import { phaseOf } from './phase.ts';
import type { StartFailures } from './reason-cache.ts';

export interface PodStatusInput {
  /** With the status that was last reported. */
  pod: Pod;
  runtimePod: RuntimePod;
  failures: StartFailures;
  terminationMessages: ReadonlyMap<string, string>;
  readiness: ContainerReadiness;
  /** Of a container: granted, and in use. */
  resourcesOf: ResourcesOf;
  /** Those that are true. */
  resizeConditions: readonly PodCondition[];
  runtimeName: string;
  nodeIp: string;
  nowMs: number;
  /** Nothing runs any more, and nothing will. */
  isTerminal: boolean;
  /** Set for a pod that the kubelet itself ends or refuses: it has failed for this reason. */
  verdict?: { reason: string; message: string } | undefined;
}

export function generatePodStatus(input: PodStatusInput): PodStatus {
  const { pod, runtimePod, nodeIp, nowMs, isTerminal, verdict, resizeConditions } = input;
  const initStatuses = containerStatusesOf(input, pod.spec.initContainers ?? [], 'initOrSidecar');
  const statuses = containerStatusesOf(input, pod.spec.containers, 'app');
  const ephemeral = containerStatusesOf(input, pod.spec.ephemeralContainers ?? [], 'ephemeral');
  const recorded = pod.status ?? {};
  const computed = verdict === undefined ? phaseOf({ pod, initStatuses, statuses, isTerminal }) : 'Failed';
  // A pod that has ended never comes back.
  const phase = recorded.phase === 'Succeeded' || recorded.phase === 'Failed' ? recorded.phase : computed;
  const podIps = podIpsOf(input);
  const hasReadySandbox = isSandboxReady(pod, runtimePod);
  const { generation } = pod.metadata;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: conditionsOf({ pod, phase, statuses, initStatuses, hasReadySandbox, nowMs, resizeConditions }),
    ...textsOf(verdict ?? recorded),
    hostIP: nodeIp,
    hostIPs: [{ ip: nodeIp }],
    ...(podIps[0] === undefined ? {} : { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) }),
    startTime: recorded.startTime ?? formatTime(nowMs),
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
    qosClass: podQosClass(pod),
  };
}

/** Of a pod that the node does not take: nothing of it has ever been there. */
export function refusedPodStatus(
  pod: Pod,
  { reason, message, nowMs }: { reason: string; message: string; nowMs: number },
): PodStatus {
  const { generation } = pod.metadata;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase: 'Failed',
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: formatTime(nowMs),
    qosClass: podQosClass(pod),
  };
}

function isSandboxReady({ spec }: Pod, { sandboxes }: RuntimePod): boolean {
  const sandbox = sandboxes[0];
  return sandbox?.state === 'ready' && (spec.hostNetwork === true || sandbox.ips.length > 0);
}

function textsOf({ reason, message }: { reason?: string; message?: string }): { reason?: string; message?: string } {
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

/** Of the newest sandbox; once known they stay, as after the pod has ended. */
function podIpsOf({ pod, runtimePod, nodeIp }: PodStatusInput): string[] {
  if (pod.spec.hostNetwork === true) return [nodeIp];
  const ips = runtimePod.sandboxes[0]?.ips ?? [];
  return ips.length > 0 ? [...ips] : (pod.status?.podIPs ?? []).map(({ ip }) => ip);
}
