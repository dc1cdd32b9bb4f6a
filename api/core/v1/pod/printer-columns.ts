/** The columns of `kubectl get pods` (`pkg/printers/internalversion/printers.go printPod`). */
import { ageSince } from '../../../machinery/duration.ts';
import type { PrinterColumn } from '../../../machinery/resource.ts';
import { ageColumn, NONE } from '../../../table-cells.ts';
import { isSidecar } from './containers.ts';
import type { ContainerStatus, Pod } from './types.ts';

export const podPrinterColumns: readonly PrinterColumn<Pod>[] = [
  { name: 'Ready', type: 'string', description: 'Containers that are ready, of all', cell: (pod) => readyCell(pod) },
  {
    name: 'Status',
    type: 'string',
    description: 'The phase, or what keeps the pod from it',
    cell: (pod) => podSummary(pod).reason,
  },
  {
    name: 'Restarts',
    type: 'string',
    description: 'Restarts of containers, and when the last was',
    cell: restartsCell,
  },
  ageColumn(),
  {
    name: 'IP',
    type: 'string',
    priority: 1,
    description: 'Address of the pod',
    cell: (pod) => pod.status?.podIPs?.[0]?.ip || NONE,
  },
  {
    name: 'Node',
    type: 'string',
    priority: 1,
    description: 'Node the pod is bound to',
    cell: (pod) => pod.spec?.nodeName || NONE,
  },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    description: 'Node where the pod may run once others have made room',
    cell: (pod) => pod.status?.nominatedNodeName || NONE,
  },
  {
    name: 'Readiness Gates',
    type: 'string',
    priority: 1,
    description: 'Readiness gates that are met, of all',
    cell: readinessGatesCell,
  },
];

export interface PodSummary {
  /** What the Status column says. */
  reason: string;
  readyContainers: number;
  totalContainers: number;
  restarts: number;
  /** When the newest of the counted restarts' predecessors ended, in epoch milliseconds. */
  lastRestartMs?: number;
}

/** One pass over a pod's status, for the columns and for whoever explains a pod. */
export function podSummary(pod: Pod): PodSummary {
  const status = pod.status ?? {};
  const sidecarNames = new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const init = summarizeInitContainers(pod, sidecarNames);
  const summary: PodSummary = {
    reason: phaseReason(pod),
    readyContainers: init.readySidecars,
    totalContainers: (pod.spec?.containers ?? []).length + sidecarNames.size,
    ...init.restarts,
  };
  if (init.reason !== undefined) summary.reason = init.reason;
  if (init.reason === undefined || hasCondition(pod, 'Initialized')) {
    Object.assign(summary, { restarts: 0, lastRestartMs: undefined }, init.sidecarRestarts);
    summarizeContainers(summary, status.containerStatuses ?? [], hasCondition(pod, 'Ready'));
  }
  if (pod.metadata?.deletionTimestamp) {
    if (status.reason === 'NodeLost') summary.reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') summary.reason = 'Terminating';
  }
  return summary;
}

function phaseReason({ status }: Pod): string {
  const isGated = (status?.conditions ?? []).some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  return isGated ? 'SchedulingGated' : status?.reason || status?.phase || '';
}

function hasCondition({ status }: Pod, type: string): boolean {
  return (status?.conditions ?? []).find((condition) => condition.type === type)?.status === 'True';
}

interface Restarts {
  restarts: number;
  lastRestartMs?: number;
}

interface InitSummary {
  /** Set while initialization is not over. */
  reason?: string;
  readySidecars: number;
  /** Up to and including the container that initialization waits for. */
  restarts: Restarts;
  sidecarRestarts: Restarts;
}

function summarizeInitContainers(pod: Pod, sidecarNames: ReadonlySet<string>): InitSummary {
  const summary: InitSummary = { readySidecars: 0, restarts: { restarts: 0 }, sidecarRestarts: { restarts: 0 } };
  const total = (pod.spec?.initContainers ?? []).length;
  for (const [i, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const isRunningSidecar = sidecarNames.has(container.name) && container.started === true;
    countRestarts(summary.restarts, container);
    if (sidecarNames.has(container.name)) countRestarts(summary.sidecarRestarts, container);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (isRunningSidecar) {
      if (container.ready) summary.readySidecars++;
      continue;
    }
    summary.reason = initReason(container, i, total);
    break;
  }
  return summary;
}

function initReason({ state }: ContainerStatus, index: number, total: number): string {
  if (state?.terminated) return `Init:${terminatedReason(state.terminated)}`;
  const waiting = state?.waiting?.reason;
  return waiting && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${total}`;
}

function terminatedReason({
  reason,
  signal,
  exitCode,
}: {
  reason?: string;
  signal?: number;
  exitCode: number;
}): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

/** From the last container to the first, so that the first one with something to say decides. */
function summarizeContainers(summary: PodSummary, statuses: readonly ContainerStatus[], isReady: boolean): void {
  let hasRunning = false;
  for (const container of statuses.toReversed()) {
    const { waiting, terminated, running } = container.state ?? {};
    countRestarts(summary, container);
    if (waiting?.reason) summary.reason = waiting.reason;
    else if (terminated) summary.reason = terminatedReason(terminated);
    else if (container.ready && running) {
      hasRunning = true;
      summary.readyContainers++;
    }
  }
  if (summary.reason === 'Completed' && hasRunning) summary.reason = isReady ? 'Running' : 'NotReady';
}

function countRestarts(counted: Restarts, { restartCount = 0, lastState }: ContainerStatus): void {
  counted.restarts += restartCount;
  const finishedMs = Date.parse(lastState?.terminated?.finishedAt ?? '');
  if (!Number.isNaN(finishedMs) && finishedMs > (counted.lastRestartMs ?? 0)) counted.lastRestartMs = finishedMs;
}

function readyCell(pod: Pod): string {
  const { readyContainers, totalContainers } = podSummary(pod);
  return `${readyContainers}/${totalContainers}`;
}

function restartsCell(pod: Pod, nowMs: number): string {
  const { restarts, lastRestartMs } = podSummary(pod);
  if (restarts === 0 || lastRestartMs === undefined) return String(restarts);
  return `${restarts} (${ageSince(new Date(lastRestartMs).toISOString(), nowMs)} ago)`;
}

function readinessGatesCell(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  const met = gates.filter(({ conditionType }) => hasCondition(pod, conditionType)).length;
  return `${met}/${gates.length}`;
}
