/** The times that a pod's life depends on: grace periods and `activeDeadlineSeconds` (pure). */
import type { Container, Pod } from '../../api/core/v1/pod/types.ts';
import type { PodContainer } from './container-kinds.ts';
import type { KillReason } from './container-verdicts.ts';

const DEFAULT_GRACE_SECONDS = 30;
/** Of a pod that is being deleted, even when asked for 0: its containers get a signal that they can handle. */
const MIN_DELETION_GRACE_SECONDS = 1;

/** `calculateEffectiveGracePeriod`. */
export function podGraceSeconds({ metadata, spec }: Pod): number {
  const asked = metadata.deletionTimestamp === undefined ? undefined : metadata.deletionGracePeriodSeconds;
  return Math.max(MIN_DELETION_GRACE_SECONDS, asked ?? spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
}

/** Of one container that is killed while its pod goes on: a probe may have a period of its own. */
export function containerGraceSeconds(pod: Pod, target: PodContainer | undefined, reason: KillReason): number {
  const container = target?.container as Container | undefined;
  const ofPod = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  if (reason === 'liveness-probe') return container?.livenessProbe?.terminationGracePeriodSeconds ?? ofPod;
  if (reason === 'startup-probe') return container?.startupProbe?.terminationGracePeriodSeconds ?? ofPod;
  return ofPod;
}

/** When somebody looked at a pod first, by both clocks. */
export interface FirstLook {
  wallMs: number;
  monotonicMs: number;
}

/**
 * How long the pod may still run; undefined without a deadline, 0 or less when it is over. What had passed at the first
 * look is taken from the wall clock, the rest from the monotonic one: setting the clock ends no pod.
 */
export function remainingActiveMs(
  { spec, status }: Pod,
  startTime: string | undefined,
  { since, nowMonotonicMs }: { since: FirstLook; nowMonotonicMs: number },
): number | undefined {
  const { activeDeadlineSeconds } = spec;
  const startMs = Date.parse(status?.startTime ?? startTime ?? '');
  if (activeDeadlineSeconds === undefined || Number.isNaN(startMs)) return undefined;
  const ranMs = Math.max(0, since.wallMs - startMs) + nowMonotonicMs - since.monotonicMs;
  return activeDeadlineSeconds * 1000 - ranMs;
}
