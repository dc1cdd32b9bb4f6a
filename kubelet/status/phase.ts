/** The phase of a pod out of its container statuses (upstream `pkg/kubelet/kubelet_pods.go`, `getPhase`): pure. */
import { isSidecar } from '../../api/core/v1/pod/containers.ts';
import type { Container, ContainerStatus, Pod } from '../../api/core/v1/pod/types.ts';
import { restartPolicyOf } from '../pods/container-kinds.ts';

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
  if (init.failed > 0 && (pod.spec.restartPolicy === 'Never' || isTerminal)) return 'Failed';
  const counts = count(pod.spec.containers, input.statuses);
  if (isTerminal && counts.running === 0) return finalPhase(counts);
  if (!isTerminal && (init.pending > 0 || counts.waiting > 0)) return 'Pending';
  if (counts.unknown > 0) return 'Pending';
  if (counts.running > 0) return 'Running';
  return counts.stopped > 0 ? phaseOfStopped(pod, counts.stopped === counts.succeeded) : 'Pending';
}

/** Succeeded only if every container was there and ended well. */
function finalPhase({ unknown, waiting, stopped, succeeded }: Counts): PodPhase {
  return stopped > 0 && stopped === succeeded && unknown === 0 && waiting === 0 ? 'Succeeded' : 'Failed';
}

function phaseOfStopped(pod: Pod, allSucceeded: boolean): PodPhase {
  const policies = pod.spec.containers.map((container) => restartPolicyOf(pod, container));
  if (policies.includes('Always')) return 'Running';
  if (allSucceeded) return 'Succeeded';
  return policies.every((policy) => policy === 'Never') ? 'Failed' : 'Running';
}

/** Counts those before the regular containers; once one of these was started, none is pending. */
function countInit({ pod, initStatuses, statuses }: PhaseInput): { pending: number; failed: number } {
  let pending = 0;
  let failed = 0;
  for (const container of pod.spec.initContainers ?? []) {
    const verdict = initVerdict(
      container,
      initStatuses.find(({ name }) => name === container.name),
    );
    if (verdict === 'pending') pending++;
    if (verdict === 'failed') failed++;
  }
  if (statuses.some(hasRun)) return { pending: 0, failed };
  return { pending: pending + (pod.spec.restartPolicy === 'Never' ? 0 : failed), failed };
}

function initVerdict(container: Container, status: ContainerStatus | undefined): 'done' | 'pending' | 'failed' {
  if (isSidecar(container)) return status?.started === true ? 'done' : 'pending';
  const terminated = status?.state?.terminated ?? status?.lastState?.terminated;
  if (status?.state?.running !== undefined || terminated === undefined) return 'pending';
  return terminated.exitCode === 0 ? 'done' : 'failed';
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
}

function count(containers: readonly Container[], statuses: readonly ContainerStatus[]): Counts {
  const counts: Counts = { unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0 };
  for (const { name } of containers) {
    const status = statuses.find((one) => one.name === name);
    const terminated = status?.state?.terminated;
    if (status === undefined) counts.unknown++;
    else if (status.state?.running !== undefined) counts.running++;
    else if (terminated !== undefined) {
      counts.stopped++;
      if (terminated.exitCode === 0) counts.succeeded++;
    } else if (status.state?.waiting !== undefined) {
      if (status.lastState?.terminated !== undefined) counts.stopped++;
      else counts.waiting++;
    } else counts.unknown++;
  }
  return counts;
}
