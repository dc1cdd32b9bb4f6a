/** Canary: the new version takes over a share of the pods, step by step. */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicasOf, resolveIntOrPercent } from '../deployment/bounds.ts';
import { byAge } from '../deployment/template.ts';
import { isPauseOver } from './begin.ts';
import { canaryCounts, moveTowards } from './canary-sizes.ts';
import type { Targets } from './canary-sizes.ts';
import { advanceChecks } from './checks.ts';
import type { CanaryStep, CanaryStrategy } from './types.ts';
import { availableOf, hashOf } from './types.ts';
import type { Work } from './work.ts';
import { at, complete, emit, fail, isFullyAvailable, want } from './work.ts';

const PAUSE = 'CanaryPauseStep';

export function planCanary(work: Work, strategy: CanaryStrategy): void {
  const { status, stableSet, newSet, rollout } = work;
  const { replicas } = rollout.spec;
  if (stableSet === undefined) first(work, strategy);
  else if (stableSet === newSet) settle(work, strategy);
  else if (status.abort === true) goBack(work, stableSet, strategy);
  else advance(work, stableSet, strategy);
  const canary = stableSet === undefined || stableSet === newSet ? 0 : availableOf(newSet);
  const all = canary + (stableSet === undefined ? replicas : availableOf(stableSet));
  const share = all === 0 ? 0 : Math.round((100 * canary) / all);
  status.canary = { weights: { canary: share, stable: 100 - share } };
}

function first(work: Work, strategy: CanaryStrategy): void {
  const { newSet, rollout, status } = work;
  move(work, strategy, { new: rollout.spec.replicas, stable: 0 });
  status.currentStepIndex = strategy.steps?.length ?? 0;
  if (isFullyAvailable(newSet, rollout.spec.replicas)) complete(work);
  else waits(work, 'Initial');
}

function settle(work: Work, strategy: CanaryStrategy): void {
  const { newSet, rollout, status } = work;
  status.currentStepIndex = strategy.steps?.length ?? 0;
  delete status.pauseConditions;
  point(work, strategy.stableService, newSet);
  point(work, strategy.canaryService, newSet);
  const isThere = move(work, strategy, { new: rollout.spec.replicas, stable: 0 });
  if (isThere) at(work, 'Complete', '');
  else waits(work, 'Complete');
}

function goBack(work: Work, stableSet: ReplicaSet, strategy: CanaryStrategy): void {
  const { status, rollout } = work;
  point(work, strategy.stableService, stableSet);
  point(work, strategy.canaryService, stableSet);
  const isThere = move(work, strategy, { new: 0, stable: rollout.spec.replicas });
  if (!isThere && status.stage !== 'Aborted') return at(work, 'Aborting', status.failure?.message ?? '');
  if (status.stage !== 'Aborted')
    emit(work, 'Warning', 'RolledBack', `The stable version ${hashOf(stableSet)} serves alone`);
  at(work, 'Aborted', `revision ${status.revision} was aborted: ${status.failure?.message}`);
}

function advance(work: Work, stableSet: ReplicaSet, strategy: CanaryStrategy): void {
  const { status, rollout, newSet } = work;
  const { replicas, paused } = rollout.spec;
  const steps = strategy.steps ?? [];
  const index = Math.min(status.currentStepIndex ?? 0, steps.length);
  const isLast = status.promoteFull === true || index === steps.length;
  point(work, strategy.stableService, stableSet);
  point(work, strategy.canaryService, availableOf(newSet) > 0 ? newSet : stableSet);
  const canSurge = resolveIntOrPercent(strategy.maxSurge, replicas, 'up') > 0;
  const counts = canaryCounts(replicas, { weight: isLast ? 100 : weightAt(steps, index), canSurge });
  const isThere = move(work, strategy, { new: counts.canary, stable: counts.stable });
  if (status.failure !== undefined && !(isThere && status.failure.reason === 'ProgressDeadlineExceeded')) return;
  delete status.failure;
  if (paused === true) return;
  if (isLast) {
    if (isFullyAvailable(newSet, replicas)) complete(work);
    else waits(work, 'Promotion');
    return;
  }
  at(work, `Step ${index + 1}/${steps.length}`, '');
  if (!isStepDone(work, steps[index]!, { index, isThere })) return;
  status.currentStepIndex = index + 1;
  at(work, index + 1 === steps.length ? 'Promotion' : `Step ${index + 2}/${steps.length}`, '');
}

/** The last that was set before. */
export function weightAt(steps: readonly CanaryStep[], index: number): number {
  return steps.slice(0, index + 1).findLast(({ setWeight }) => setWeight !== undefined)?.setWeight ?? 0;
}

function isStepDone(work: Work, step: CanaryStep, { index, isThere }: { index: number; isThere: boolean }): boolean {
  if (step.pause !== undefined) {
    if (isPauseOver(work, { reason: PAUSE, seconds: step.pause.seconds, step: index })) return true;
    work.status.message = `revision ${work.status.revision} pauses at step ${index}`;
    return false;
  }
  if (step.check === undefined) {
    if (!isThere) waits(work, work.status.stage!);
    return isThere;
  }
  const outcome = advanceChecks(work, [step.check], `step-${index}`);
  if (outcome.phase === 'Failed') fail(work, 'CheckFailed', outcome.message);
  else work.status.message = outcome.message;
  return outcome.phase === 'Successful';
}

/** Plans the next move; whether none is left. */
function move(work: Work, strategy: CanaryStrategy, targets: Targets): boolean {
  const { newSet, stableSet, sets, rollout, selectors } = work;
  const isServed = (set: ReplicaSet): boolean => [...selectors.values()].includes(hashOf(set));
  const others = sets.filter((set) => set !== newSet && set !== stableSet).sort(byAge);
  const moved = moveTowards({
    newSet,
    stableSet: stableSet === newSet ? undefined : stableSet,
    others,
    replicas: rollout.spec.replicas,
    targets,
    strategy,
    isServed,
  });
  for (const { set, replicas } of moved) want(work, set, replicas);
  const isAt = (set: ReplicaSet, target: number): boolean =>
    replicasOf(set) === target && isFullyAvailable(set, target);
  return (
    isAt(newSet, targets.new) &&
    (stableSet === undefined || stableSet === newSet || isAt(stableSet, targets.stable)) &&
    others.every((set) => replicasOf(set) === 0)
  );
}

function point({ plan, selectors }: Work, service: string | undefined, set: ReplicaSet): void {
  if (service === undefined || selectors.get(service) === hashOf(set)) return;
  if (availableOf(set) === 0 && selectors.get(service) !== undefined) return;
  plan.switches.set(service, hashOf(set));
}

function waits(work: Work, stage: string): void {
  const { newSet, rollout, status } = work;
  at(work, stage, `${availableOf(newSet)} of ${rollout.spec.replicas} pods are of revision ${status.revision}`);
}
