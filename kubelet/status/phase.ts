/** The phase of a pod out of its container statuses (upstream `pkg/kubelet/kubelet_pods.go`, `getPhase`): pure. */
import { isSidecar } from '../../api/core/v1/pod/containers.ts';
import type { Container, ContainerStatus, Pod } from '../../api/core/v1/pod/types.ts';
import { restartsAfterExit } from '../pods/container-kinds.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';

export interface PhaseInput {
  pod: Pod;
  initStatuses: readonly ContainerStatus[];
  statuses: readonly ContainerStatus[];
  /** Nothing of the pod runs any more, or will. */
  isTerminal: boolean;
}

export function phaseOf(input: PhaseInput): PodPhase {
  const { pod, isTerminal } = input;
  const init = countInit(input);
  if (init.over > 0 || (init.failed > 0 && isTerminal)) return 'Failed';
  const counts = count(pod, input.statuses);
  if (isTerminal && counts.running === 0) return finalPhase(counts);
  if (!isTerminal && (init.pending > 0 || counts.waiting > 0)) return 'Pending';
  if (counts.unknown > 0) return 'Pending';
  if (counts.running > 0) return 'Running';
  return counts.stopped > 0 ? phaseOfStopped(counts) : 'Pending';
}

/** Succeeded only if every container was there and ended well. */
function finalPhase({ unknown, waiting, stopped, succeeded }: Counts): PodPhase {
  return stopped > 0 && stopped === succeeded && unknown === 0 && waiting === 0 ? 'Succeeded' : 'Failed';
}

/** What each container's own policy and rules make of its exit decides. */
function phaseOfStopped({ stopped, succeeded, over }: Counts): PodPhase {
  if (over < stopped) return 'Running';
  return stopped === succeeded ? 'Succeeded' : 'Failed';
}

interface InitCounts {
  pending: number;
  /** Will run again, unless the pod ends. */
  failed: number;
  /** Failed, and will not run again. */
  over: number;
}

/** Counts those before the regular containers; once one of these was started, none is pending. */
function countInit({ pod, initStatuses, statuses }: PhaseInput): InitCounts {
  const counts: InitCounts = { pending: 0, failed: 0, over: 0 };
  for (const container of pod.spec.initContainers ?? []) {
    const status = initStatuses.find(({ name }) => name === container.name);
    const verdict = initVerdict(pod, container, status);
    if (verdict !== 'done') counts[verdict]++;
  }
  return { ...counts, pending: statuses.some(hasRun) ? 0 : counts.pending + counts.failed };
}

function initVerdict(pod: Pod, container: Container, status: ContainerStatus | undefined): 'done' | keyof InitCounts {
  if (isSidecar(container)) return status?.started === true ? 'done' : 'pending';
  const terminated = terminatedOf(status);
  if (status?.state?.running !== undefined || terminated === undefined) return 'pending';
  if (terminated.exitCode === 0) return 'done';
  return restartsAfterExit(pod, container, terminated.exitCode) ? 'failed' : 'over';
}

/** As it ended last. */
function terminatedOf(status: ContainerStatus | undefined): { exitCode: number } | undefined {
  return status?.state?.terminated ?? status?.lastState?.terminated;
}

/** Runs, or has run. */
export function hasRun({ state, lastState }: ContainerStatus): boolean {
  return (state?.running ?? state?.terminated ?? lastState?.terminated) !== undefined;
}

interface Counts {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
  /** Stopped, and will not run again. */
  over: number;
}

function count(pod: Pod, statuses: readonly ContainerStatus[]): Counts {
  const counts: Counts = { unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0, over: 0 };
  for (const container of pod.spec.containers) {
    const status = statuses.find(({ name }) => name === container.name);
    const terminated = terminatedOf(status);
    if (status === undefined) counts.unknown++;
    else if (status.state?.running !== undefined) counts.running++;
    else if (terminated !== undefined) {
      counts.stopped++;
      if (status.state?.terminated?.exitCode === 0) counts.succeeded++;
      if (!restartsAfterExit(pod, container, terminated.exitCode)) counts.over++;
    } else if (status.state?.waiting !== undefined) counts.waiting++;
    else counts.unknown++;
  }
  return counts;
}
