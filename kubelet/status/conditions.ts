/**
 * Pod conditions that the kubelet owns (upstream `pkg/kubelet/status/generate.go`): pure. Reasons and messages are
 * upstream's.
 */
import { isSidecar } from '../../api/core/v1/pod/containers.ts';
import type { ContainerStatus, Pod, PodStatus } from '../../api/core/v1/pod/types.ts';
import { formatTime } from '../../base/clock.ts';
import { hasRun } from './phase.ts';
import type { PodPhase } from './phase.ts';

export type PodCondition = NonNullable<PodStatus['conditions']>[number];

export interface ConditionsInput {
  pod: Pod;
  phase: PodPhase;
  statuses: readonly ContainerStatus[];
  initStatuses: readonly ContainerStatus[];
  /** A sandbox is ready and has its network. */
  hasReadySandbox: boolean;
  nowMs: number;
  /** Of a resize; those that are true. */
  resizeConditions: readonly PodCondition[];
}

/** They go when they are no longer true. */
export const RESIZE_CONDITIONS: ReadonlySet<string> = new Set(['PodResizePending', 'PodResizeInProgress']);

/** All that the kubelet writes (`PodConditionsByKubelet`); the others belong to others. */
export const KUBELET_CONDITIONS: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  ...RESIZE_CONDITIONS,
]);

type Verdict = Pick<PodCondition, 'type' | 'status'> & { reason?: string; message?: string };

/** All of ours, and then those that others have set; transition times change with the status only. */
export function conditionsOf(input: ConditionsInput): PodCondition[] {
  const containersReady = containersReadyVerdict(input);
  const verdicts: Verdict[] = [
    { type: 'PodReadyToStartContainers', status: input.hasReadySandbox ? 'True' : 'False' },
    initializedVerdict(input),
    readyVerdict(input, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
  ];
  const { pod, nowMs, resizeConditions } = input;
  const previous = pod.status?.conditions ?? [];
  const own = [...resizeConditions, ...verdicts.map((verdict) => stamp(verdict, { pod, previous, nowMs }))];
  const ownTypes = new Set([...own.map(({ type }) => type), ...RESIZE_CONDITIONS]);
  return [...own, ...previous.filter(({ type }) => !ownTypes.has(type))];
}

function stamp(
  verdict: Verdict,
  { pod, previous, nowMs }: { pod: Pod; previous: readonly PodCondition[]; nowMs: number },
): PodCondition {
  const before = previous.find(({ type }) => type === verdict.type);
  const isSame = before?.status === verdict.status && before.lastTransitionTime !== undefined;
  const { generation } = pod.metadata;
  return {
    ...verdict,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastProbeTime: null as unknown as string,
    lastTransitionTime: isSame ? before.lastTransitionTime! : formatTime(nowMs),
  };
}

/** `GenerateContainersReadyCondition`. */
function containersReadyVerdict({ pod, phase, statuses, initStatuses }: ConditionsInput): Verdict {
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar);
  const pairs = [
    ...sidecars.map(({ name }) => ({ name, status: initStatuses.find((one) => one.name === name) })),
    ...pod.spec.containers.map(({ name }) => ({ name, status: statuses.find((one) => one.name === name) })),
  ];
  const unknown = pairs.filter(({ status }) => status === undefined).map(({ name }) => name);
  const unready = pairs.filter(({ status }) => status !== undefined && !status.ready).map(({ name }) => name);
  if (phase === 'Succeeded' && unknown.length === 0)
    return { type: 'ContainersReady', status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type: 'ContainersReady', status: 'False', reason: 'PodFailed' };
  const problems = namedProblems({ unknown, unready }, 'unready');
  if (problems === '') return { type: 'ContainersReady', status: 'True' };
  return { type: 'ContainersReady', status: 'False', reason: 'ContainersNotReady', message: problems };
}

/** `GeneratePodReadyCondition`: the containers, and the gates. */
function readyVerdict({ pod }: ConditionsInput, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' };
  const messages: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    const name = JSON.stringify(conditionType);
    if (condition === undefined) messages.push(`corresponding condition of pod readiness gate ${name} does not exist.`);
    else if (condition.status !== 'True') {
      messages.push(`the status of pod readiness gate ${name} is not "True", but ${condition.status}`);
    }
  }
  if (messages.length === 0) return { type: 'Ready', status: 'True' };
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

/** `GeneratePodInitializedCondition`. */
function initializedVerdict({ pod, phase, statuses, initStatuses }: ConditionsInput): Verdict {
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of pod.spec.initContainers ?? []) {
    const status = initStatuses.find(({ name }) => name === container.name);
    if (status === undefined) unknown.push(container.name);
    else if (isSidecar(container) ? status.started !== true : !status.ready) incomplete.push(container.name);
  }
  const isOver = phase === 'Succeeded' && unknown.length === 0;
  if (isOver) return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  const hasStarted = statuses.some(hasRun);
  const problems = namedProblems({ unknown, unready: incomplete }, 'incomplete');
  if (hasStarted || problems === '') return { type: 'Initialized', status: 'True' };
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message: problems };
}

function namedProblems({ unknown, unready }: { unknown: string[]; unready: string[] }, adjective: string): string {
  const parts: string[] = [];
  if (unknown.length > 0) parts.push(`containers with unknown status: [${unknown.join(' ')}]`);
  if (unready.length > 0) parts.push(`containers with ${adjective} status: [${unready.join(' ')}]`);
  return parts.join(', ');
}
