/** What a kubelet reports of a pod with one container, given what runs. */
import type { Pod, PodStatus } from '../../api/core/v1/pod.ts';
import { formatTime } from '../../base/clock.ts';
import type { Behaviour, Process } from './machine.ts';

/** Images whose names contain this cannot be pulled. */
export const BROKEN = 'broken';
/** Annotations of pods that end by themselves. */
export const RUN_SECONDS = 'simulation/run-seconds';
export const EXIT_CODE = 'simulation/exit-code';

export function isBroken({ spec }: Pod): boolean {
  return spec.containers[0]!.image!.includes(BROKEN);
}

export function behaviourOf({ metadata: { annotations = {} } }: Pod): Behaviour {
  const seconds = annotations[RUN_SECONDS];
  return {
    runMs: seconds === undefined ? undefined : Number(seconds) * 1000,
    exitCode: Number(annotations[EXIT_CODE] ?? '0'),
  };
}

/** It has ended, and is not to be started again. */
export function isOver(pod: Pod, process: Process): boolean {
  if (process.state !== 'exited') return false;
  const { restartPolicy = 'Always' } = pod.spec;
  return restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && process.exitCode === 0);
}

/** It has run, which can be done only once, and nothing of it is left: the node has crashed. */
export function isLost({ spec, status }: Pod): boolean {
  return spec.restartPolicy === 'Never' && status?.phase === 'Running';
}

/** `process` is undefined where nothing runs yet, or anything more. */
export function reportOf(pod: Pod, process: Process | undefined, nowMs: number): PodStatus {
  const isReady = process?.state === 'running' || (process?.state === 'stopping' && isMarkedReady(pod));
  const phase = phaseOf(pod, process);
  const [{ name, image = '' }] = pod.spec.containers as [{ name: string; image?: string }];
  const state = stateOf(pod, process);
  const conditions = (
    [
      ['PodReadyToStartContainers', process !== undefined],
      ['Initialized', true],
      ['ContainersReady', isReady],
      ['Ready', isReady],
    ] as const
  ).map(([type, isTrue]) => condition(pod, type, { status: isTrue ? 'True' : 'False', nowMs }));
  return {
    phase,
    conditions,
    startTime: pod.status?.startTime ?? formatTime(nowMs),
    ...(process === undefined || phase !== 'Running'
      ? {}
      : { podIP: addressOf(pod), podIPs: [{ ip: addressOf(pod) }] }),
    containerStatuses: [
      {
        name,
        image,
        imageID: '',
        ready: isReady,
        started: isReady,
        restartCount: process?.restarts ?? 0,
        state,
      },
    ],
  };
}

function isMarkedReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function phaseOf(pod: Pod, process: Process | undefined): string {
  if (process === undefined) {
    // What is being deleted and never ran, or was lost, has failed.
    return pod.metadata.deletionTimestamp === undefined && !isLost(pod) ? 'Pending' : 'Failed';
  }
  if (process.state === 'starting' && process.restarts === 0) return 'Pending';
  const isDeleted = pod.metadata.deletionTimestamp !== undefined && process.state === 'exited';
  if (isDeleted || isOver(pod, process)) return process.exitCode === 0 ? 'Succeeded' : 'Failed';
  return 'Running';
}

function stateOf(pod: Pod, process: Process | undefined): Record<string, unknown> {
  if (process === undefined || process.state === 'starting') {
    const reason = isBroken(pod) ? 'ImagePullBackOff' : 'ContainerCreating';
    return { waiting: { reason } };
  }
  const startedAt = formatTime(process.startedMs);
  if (process.state !== 'exited') return { running: { startedAt } };
  const reason = process.exitCode === 0 ? 'Completed' : 'Error';
  return { terminated: { exitCode: process.exitCode, reason, startedAt, finishedAt: startedAt } };
}

type Condition = NonNullable<PodStatus['conditions']>[number];

function condition(pod: Pod, type: string, { status, nowMs }: { status: string; nowMs: number }): Condition {
  const known = pod.status?.conditions?.find((one) => one.type === type);
  const since = known?.status === status ? known.lastTransitionTime : undefined;
  return { type, status, lastTransitionTime: since ?? formatTime(nowMs) };
}

/** Made up: unique enough, and the same for the same pod. */
function addressOf({ metadata: { uid = '' } }: Pod): string {
  const number = parseInt(uid.slice(0, 6), 16);
  return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
}
