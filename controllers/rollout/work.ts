/**
 * One decision about a Rollout in the making: what was observed, the status as it will be, and what is to be done.
 * Everything here is pure: the strategies fill the plan, and the controller carries it out.
 */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { formatMicroTime } from '../../base/clock.ts';
import type { EventType } from '../../client/events.ts';
import { replicasOf } from '../deployment/bounds.ts';
import type { Check, Rollout, RolloutStatus } from './types.ts';
import { availableOf, hashOf, SCALE_DOWN_AT } from './types.ts';

export interface PlannedEvent {
  type: EventType;
  reason: string;
  message: string;
}

export interface PlannedSet {
  set: ReplicaSet;
  replicas: number;
  /** Undefined: it has none, or loses it. */
  scaleDownAt: string | undefined;
}

/** A try of a check that is due. */
export interface DueCheck {
  check: Check;
  when: string;
}

export interface Plan {
  /** By service name: the version that it shall lead to. */
  switches: Map<string, string>;
  /** By uid. A set that is not in it stays as it is. */
  sets: Map<string, PlannedSet>;
  due: DueCheck[];
  jobs: { name: string; check: Check; when: string }[];
  events: PlannedEvent[];
  /** When to look again though nothing changes. */
  wakeAtMs: number | undefined;
}

export interface Observed {
  rollout: Rollout;
  /** That of the present template. */
  newSet: ReplicaSet;
  /** All that the Rollout owns. */
  sets: readonly ReplicaSet[];
  /** The version that each of the Services of the strategy leads to. */
  selectors: ReadonlyMap<string, string | undefined>;
  jobs: readonly Job[];
  nowMs: number;
}

export interface Work extends Observed {
  stableSet: ReplicaSet | undefined;
  status: RolloutStatus;
  plan: Plan;
}

export function newWork(observed: Observed): Work {
  const status = structuredClone(observed.rollout.status ?? {});
  const stableSet = observed.sets.find((set) => hashOf(set) === status.stableRS);
  const plan: Plan = { switches: new Map(), sets: new Map(), due: [], jobs: [], events: [], wakeAtMs: undefined };
  return { ...observed, stableSet, status, plan };
}

export function emit({ plan }: Work, type: EventType, reason: string, message: string): void {
  plan.events.push({ type, reason, message });
}

export function wakeAt({ plan }: Work, atMs: number): void {
  plan.wakeAtMs = Math.min(plan.wakeAtMs ?? Infinity, atMs);
}

/** The set shall have so many pods, and is not on its way out. */
export function want({ plan }: Work, set: ReplicaSet, replicas: number): void {
  plan.sets.set(set.metadata.uid!, { set, replicas, scaleDownAt: undefined });
}

/** The set keeps its pods until then. */
export function retireAt(work: Work, set: ReplicaSet, atMs: number): void {
  const isOver = atMs <= work.nowMs;
  if (!isOver) wakeAt(work, atMs);
  work.plan.sets.set(set.metadata.uid!, {
    set,
    replicas: isOver ? 0 : replicasOf(set),
    scaleDownAt: isOver ? undefined : formatMicroTime(atMs),
  });
}

/** When the set goes to 0, if that has been decided. */
export function retirementMs(set: ReplicaSet): number | undefined {
  const atMs = Date.parse(set.metadata.annotations?.[SCALE_DOWN_AT] ?? '');
  return Number.isFinite(atMs) ? atMs : undefined;
}

/** What the rollout is at, in words for people. */
export function at({ status }: Work, stage: string, message: string): void {
  status.stage = stage;
  status.message = message;
}

export function isFullyAvailable(set: ReplicaSet, replicas: number): boolean {
  return replicasOf(set) >= replicas && availableOf(set) >= replicas;
}

/** The present version has failed. With automatic rollback, or when somebody asked for it, the stable one takes over. */
export function fail(work: Work, reason: string, message: string): void {
  const { status, rollout, nowMs, stableSet, newSet } = work;
  const rollsBack = rollout.spec.rollbackOnFailure || reason === 'RolloutAborted';
  const hasStable = stableSet !== undefined && stableSet.metadata.uid !== newSet.metadata.uid;
  status.failure = { reason, message, time: formatMicroTime(nowMs) };
  status.message = message;
  delete status.pauseConditions;
  delete status.promoteFull;
  if (hasStable && rollsBack) {
    status.abort = true;
    status.stage = 'Aborting';
    emit(work, 'Warning', 'RolloutAborted', `Rollout aborted at revision ${status.revision}: ${message}`);
  } else emit(work, 'Warning', 'RolloutFailed', `Revision ${status.revision} failed: ${message}`);
}

/** From now on the present version is the stable one. */
export function complete(work: Work): void {
  const { status } = work;
  const isFirst = status.stableRS === undefined;
  status.stableRS = hashOf(work.newSet);
  delete status.pauseConditions;
  delete status.promoteFull;
  delete status.failure;
  delete status.abort;
  at(work, 'Complete', '');
  emit(
    work,
    'Normal',
    'RolloutCompleted',
    isFirst
      ? `Revision ${status.revision} is available`
      : `Revision ${status.revision} has taken over and is the stable version`,
  );
}
