/** Limits of cgroups out of requests and limits (upstream `pkg/kubelet/cm/helpers_linux.go`, `qos/policy.go`): pure. */
import { podQosClass } from '../../api/core/v1/qos.ts';
import { podLimits, podRequests } from '../../api/core/v1/pod/resources.ts';
import type { AnyContainer, Pod } from '../../api/core/v1/pod/types.ts';
import { tryParseQuantity } from '../../api/machinery/quantity.ts';
import type { LinuxResources } from '../runtime.ts';

const PERIOD_US = 100_000;
const MIN_QUOTA_US = 1_000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

export function containerResources(pod: Pod, container: AnyContainer, memoryCapacityBytes: number): LinuxResources {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const requestMilli = tryParseQuantity(requests['cpu'] ?? limits['cpu'])?.milliValue() ?? 0;
  const limitMilli = tryParseQuantity(limits['cpu'])?.milliValue() ?? 0;
  const memoryLimitBytes = tryParseQuantity(limits['memory'])?.value() ?? 0;
  return {
    cpuShares: sharesOf(requestMilli),
    ...quotaOf(limitMilli),
    ...(memoryLimitBytes > 0 ? { memoryLimitBytes } : {}),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
  };
}

/**
 * So many processes and threads a pod may have (upstream: `podPidsLimit`, which is off; OpenShift's default). A pod
 * without limit can take every number that the machine has, and then nobody can start anything.
 */
export const POD_PIDS_LIMIT = 4_096;

/** Of the pod as a whole; a limit only where every container has one, but of processes. */
export function podResources(pod: Pod): LinuxResources {
  const limits = podLimits(pod);
  const everyHas = (name: string): boolean =>
    pod.spec.resources?.limits?.[name] !== undefined ||
    pod.spec.containers.every(({ resources }) => resources?.limits?.[name] !== undefined);
  const memory = everyHas('memory') ? (limits.get('memory')?.value() ?? 0) : 0;
  return {
    cpuShares: sharesOf(podRequests(pod).get('cpu')?.milliValue() ?? 0),
    ...quotaOf(everyHas('cpu') ? (limits.get('cpu')?.milliValue() ?? 0) : 0),
    ...(memory > 0 ? { memoryLimitBytes: memory } : {}),
    pidsLimit: POD_PIDS_LIMIT,
  };
}

/** Relative to the driver's root: `burstable/pod<uid>`. */
export function podCgroup(pod: Pod): string {
  const name = `pod${pod.metadata.uid}`;
  const qos = podQosClass(pod);
  return qos === 'Guaranteed' ? name : `${qos.toLowerCase()}/${name}`;
}

function sharesOf(milli: number): number {
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((milli * 1024) / 1000)));
}

function quotaOf(milli: number): Pick<LinuxResources, 'cpuQuotaUs' | 'cpuPeriodUs'> {
  if (milli === 0) return {};
  return { cpuPeriodUs: PERIOD_US, cpuQuotaUs: Math.max(MIN_QUOTA_US, Math.floor((milli * PERIOD_US) / 1000)) };
}

const CRITICAL_PRIORITY = 2_000_000_000;

/** `IsCriticalPod`: the node does without others first. */
export function isCriticalPod({ spec }: Pod): boolean {
  return (spec.priority ?? 0) >= CRITICAL_PRIORITY;
}

/** `GetContainerOOMScoreAdjust`: who asks for more memory is spared longer. */
function oomScoreAdj(pod: Pod, container: AnyContainer, capacityBytes: number): number {
  if (isCriticalPod(pod)) return -997;
  const qos = podQosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = tryParseQuantity(container.resources?.requests?.['memory'])?.value() ?? 0;
  const score = 1000 - Math.floor((1000 * request) / Math.max(1, capacityBytes));
  return Math.min(999, Math.max(3, score));
}
