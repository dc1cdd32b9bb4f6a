/** A Rollout's status: counts, conditions, phase, and the clock of the progress deadline. */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import { formatTime } from '../../base/clock.ts';
import { resolveIntOrPercent, totalStatus } from '../deployment/bounds.ts';
import type { Phase, Rollout, RolloutCondition, RolloutStatus } from './types.ts';
import { availableOf } from './types.ts';
import { fail, wakeAt } from './work.ts';
import type { Work } from './work.ts';

/** What the rollout waits for is pods: only then does the progress deadline run. */
const WAITS_FOR_PODS = /^(Initial|Preview|ScaleUp|Promotion|Step )/;

/** Fails the version when it has stood for too long. To be called after the strategy, with the counts of now. */
export function watchProgress(work: Work): void {
  const { rollout, status, nowMs } = work;
  const before = rollout.status;
  countReplicas(status, { newSet: work.newSet, sets: work.sets });
  const isWaiting = waitsForPods(work);
  const clock = conditionOf(before, 'Progressing');
  const hasMoved = before === undefined || before.currentPodHash !== status.currentPodHash || isFurther(before, status);
  const wasPaused = clock?.reason === 'Paused' || clock?.status === 'False';
  const sinceMs =
    hasMoved || wasPaused || clock?.lastUpdateTime === undefined ? nowMs : Date.parse(clock.lastUpdateTime);
  work.status.conditions = withProgress(work, isWaiting, sinceMs);
  if (!isWaiting) return;
  const dueMs = sinceMs + rollout.spec.progressDeadlineSeconds * 1000;
  if (nowMs < dueMs) return wakeAt(work, dueMs);
  fail(
    work,
    'ProgressDeadlineExceeded',
    `no progress for ${rollout.spec.progressDeadlineSeconds} s; ${status.message}`,
  );
  work.status.conditions = withProgress(work, false, sinceMs);
}

function waitsForPods({ rollout, status }: Work): boolean {
  if (rollout.spec.paused === true || status.failure !== undefined) return false;
  const isChecked = (status.checks ?? []).some(({ phase }) => phase === 'Running');
  return WAITS_FOR_PODS.test(status.stage ?? '') && (status.pauseConditions ?? []).length === 0 && !isChecked;
}

function isFurther(before: RolloutStatus, now: RolloutStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: RolloutStatus): number => replicas - updatedReplicas;
  return (
    before.stage !== now.stage ||
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0) ||
    old(now) < old(before)
  );
}

function withProgress(work: Work, isWaiting: boolean, sinceMs: number): RolloutCondition[] {
  const { status, nowMs, rollout } = work;
  const isPaused = rollout.spec.paused === true || (status.pauseConditions ?? []).length > 0;
  const [value, reason] = progressWords(status, isPaused);
  const conditions = withCondition(status.conditions ?? [], { type: 'Progressing', status: value, reason }, nowMs);
  return conditions.map((condition) =>
    condition.type === 'Progressing' && isWaiting ? { ...condition, lastUpdateTime: formatTime(sinceMs) } : condition,
  );
}

function progressWords({ failure, stage }: RolloutStatus, isPaused: boolean): [RolloutCondition['status'], string] {
  if (failure !== undefined) return ['False', failure.reason];
  if (isPaused) return ['Unknown', 'Paused'];
  return ['True', stage === 'Complete' ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated'];
}

export function conditionOf(status: RolloutStatus | undefined, type: string): RolloutCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

type ConditionInit = Pick<RolloutCondition, 'type' | 'status'> & { reason: string; message?: string };

/** The same list when nothing about it changed. */
export function withCondition(
  conditions: readonly RolloutCondition[],
  { type, status, reason, message = '' }: ConditionInit,
  nowMs: number,
): RolloutCondition[] {
  const current = conditions.find((one) => one.type === type);
  if (current?.status === status && current.reason === reason && current.message === message) return [...conditions];
  const now = formatTime(nowMs);
  const next: RolloutCondition = {
    type,
    status,
    reason,
    message,
    lastUpdateTime: now,
    lastTransitionTime: current?.status === status ? (current.lastTransitionTime ?? now) : now,
  };
  const at = conditions.findIndex((one) => one.type === type);
  return at < 0 ? [...conditions, next] : conditions.with(at, next);
}

function countReplicas(
  status: RolloutStatus,
  { newSet, sets }: { newSet: ReplicaSet | undefined; sets: readonly ReplicaSet[] },
): void {
  status.replicas = totalStatus(sets, 'replicas');
  status.updatedReplicas = newSet?.status?.replicas ?? 0;
  status.readyReplicas = totalStatus(sets, 'readyReplicas');
  status.availableReplicas = totalStatus(sets, 'availableReplicas');
}

/** Phase and conditions that follow from the rest. */
export function finishStatus(work: Work): RolloutStatus {
  const { rollout, newSet, nowMs, status } = work;
  const { replicas } = rollout.spec;
  const isComplete = status.stage === 'Complete' && status.stableRS === status.currentPodHash;
  const isHealthy = isComplete && availableOf(newSet) >= replicas;
  status.phase = phaseOf(rollout, status, isHealthy);
  if (rollout.spec.paused === true && status.failure === undefined) status.message = 'spec.paused is true';
  const missing = minimumAvailable(rollout) - (status.availableReplicas ?? 0);
  const flag = (type: string, holds: boolean, words: [string, string]): void => {
    status.conditions = withCondition(
      status.conditions ?? [],
      { type, status: holds ? 'True' : 'False', reason: holds ? words[0] : words[1] },
      nowMs,
    );
  };
  flag('Available', missing <= 0, ['MinimumReplicasAvailable', 'MinimumReplicasUnavailable']);
  flag('Healthy', isHealthy, ['RolloutHealthy', 'RolloutNotHealthy']);
  flag('Completed', isComplete, ['RolloutCompleted', 'RolloutNotCompleted']);
  flag('Paused', status.phase === 'Paused', ['RolloutPaused', 'RolloutNotPaused']);
  status.conditions = status.conditions!.filter(({ type }) => type !== 'InvalidSpec');
  return withFacts(rollout, status);
}

function phaseOf(rollout: Rollout, status: RolloutStatus, isHealthy: boolean): Phase {
  if (status.failure !== undefined) return 'Degraded';
  if (rollout.spec.paused === true || (status.pauseConditions ?? []).length > 0) return 'Paused';
  return isHealthy ? 'Healthy' : 'Progressing';
}

function minimumAvailable({ spec: { replicas, strategy } }: Rollout): number {
  if (strategy.canary === undefined) return replicas;
  return replicas - resolveIntOrPercent(strategy.canary.maxUnavailable, replicas, 'down');
}

function withFacts({ metadata, spec }: Rollout, status: RolloutStatus): RolloutStatus {
  if (metadata.generation !== undefined) status.observedGeneration = metadata.generation;
  status.selector = selectorFromObject(spec.selector).toString();
  return status;
}

/** Nothing is done about a Rollout that cannot work; what runs, runs on. */
export function invalidStatus(
  rollout: Rollout,
  problem: string,
  { sets, nowMs }: { sets: readonly ReplicaSet[]; nowMs: number },
): RolloutStatus {
  const status = structuredClone(rollout.status ?? {});
  const present = sets.find(({ metadata }) => metadata.name?.endsWith(`-${status.currentPodHash}`));
  countReplicas(status, { newSet: present, sets });
  status.phase = 'Degraded';
  status.message = problem;
  const init: ConditionInit = { type: 'InvalidSpec', status: 'True', reason: 'InvalidSpec', message: problem };
  status.conditions = withCondition(status.conditions ?? [], init, nowMs);
  return withFacts(rollout, status);
}
