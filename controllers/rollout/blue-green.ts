/**
 * Blue-green: the new version comes up beside the stable one, is checked, and takes over the active Service at once.
 *
 * Invariant: the active Service names one version, and it is switched only to one that is available.
 */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { formatMicroTime } from '../../base/clock.ts';
import { replicasOf } from '../deployment/bounds.ts';
import { isPauseOver } from './begin.ts';
import { advanceChecks } from './checks.ts';
import type { BlueGreenStrategy } from './types.ts';
import { availableOf, hashOf } from './types.ts';
import type { Work } from './work.ts';
import { at, complete, emit, fail, isFullyAvailable, retireAt, retirementMs, want } from './work.ts';

const PAUSE = 'BlueGreenPause';

export function planBlueGreen(work: Work, strategy: BlueGreenStrategy): void {
  const { status, stableSet, newSet } = work;
  status.blueGreen ??= {};
  if (stableSet === undefined) first(work, strategy);
  else if (stableSet === newSet) settle(work, strategy);
  else if (status.abort === true) goBack(work, stableSet, strategy);
  else advance(work, stableSet, strategy);
  retireOthers(work, strategy);
  const { previewService } = strategy;
  report(status.blueGreen, 'activeSelector', versionOf(work, strategy.activeService));
  report(
    status.blueGreen,
    'previewSelector',
    previewService === undefined ? undefined : versionOf(work, previewService),
  );
}

function report<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

/** As planned, else as it is. */
function versionOf({ plan, selectors }: Work, service: string): string | undefined {
  return plan.switches.get(service) ?? selectors.get(service);
}

/** There is nothing that it could be compared with. */
function first(work: Work, strategy: BlueGreenStrategy): void {
  const { newSet, rollout } = work;
  if (!isAlone(work, strategy)) return at(work, 'Initial', 'pods of other versions are served or still to go');
  want(work, newSet, rollout.spec.replicas);
  point(work, strategy.previewService, newSet);
  if (!isFullyAvailable(newSet, rollout.spec.replicas)) return waits(work, 'Initial');
  if (switchActive(work, newSet, strategy)) complete(work);
  else at(work, 'Promotion', `the Service ${strategy.activeService} is switched`);
}

/**
 * A Service that names no version leads to the pods of all: until it names one there are pods of one alone. The template
 * was changed before the first version had all of its own: what is available of that serves, or it goes first.
 */
function isAlone(work: Work, strategy: BlueGreenStrategy): boolean {
  const { newSet, sets, selectors } = work;
  if (selectors.get(strategy.activeService) !== undefined) return true;
  const others = sets.filter((set) => set !== newSet && !isEmpty(set));
  if (others.length === 0) return true;
  want(work, newSet, replicasOf(newSet));
  const serving = others.find((set) => availableOf(set) > 0);
  if (serving === undefined) return false;
  want(work, serving, replicasOf(serving));
  switchActive(work, serving, strategy);
  return false;
}

/** Wants no pods, and its controller has seen that it has none. */
function isEmpty(set: ReplicaSet): boolean {
  const { metadata, status } = set;
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  return replicasOf(set) === 0 && isSeen && (status?.replicas ?? 0) === 0;
}

/** The present template is that of the stable version. */
function settle(work: Work, strategy: BlueGreenStrategy): void {
  const { newSet, rollout } = work;
  want(work, newSet, rollout.spec.replicas);
  point(work, strategy.previewService, newSet);
  if (!isFullyAvailable(newSet, rollout.spec.replicas)) return waits(work, 'Complete');
  if (switchActive(work, newSet, strategy)) at(work, 'Complete', '');
  else at(work, 'Promotion', `the Service ${strategy.activeService} is switched back`);
}

function goBack(work: Work, stableSet: ReplicaSet, strategy: BlueGreenStrategy): void {
  const { newSet, rollout, status } = work;
  want(work, stableSet, rollout.spec.replicas);
  point(work, strategy.previewService, replicasOf(newSet) > 0 ? newSet : stableSet);
  const serves = work.selectors.get(strategy.activeService) === hashOf(stableSet);
  if (!serves && availableOf(stableSet) === 0 && rollout.spec.replicas > 0) return waits(work, 'Aborting');
  if (!switchActive(work, stableSet, strategy)) return at(work, 'Aborting', status.failure?.message ?? '');
  if (status.stage !== 'Aborted')
    emit(work, 'Warning', 'RolledBack', `The stable version ${hashOf(stableSet)} serves alone`);
  at(work, 'Aborted', `revision ${status.revision} was aborted: ${status.failure?.message}`);
  const { abortScaleDownDelaySeconds: delay } = strategy;
  if (delay === 0) want(work, newSet, replicasOf(newSet));
  else retireAt(work, newSet, Date.parse(status.failure!.time) + delay * 1000);
}

function advance(work: Work, stableSet: ReplicaSet, strategy: BlueGreenStrategy): void {
  const { newSet, rollout, status, selectors } = work;
  const { replicas, paused } = rollout.spec;
  const serves = selectors.get(strategy.activeService) === hashOf(newSet);
  const isCleared = status.blueGreen!.scaleUpPreviewCheckPoint === true || status.promoteFull === true || serves;
  const size = isCleared ? replicas : Math.min(strategy.previewReplicaCount ?? replicas, replicas);
  want(work, stableSet, replicas);
  want(work, newSet, size);
  point(work, strategy.previewService, newSet);
  if (status.failure !== undefined && !hasRecovered(work, size)) return;
  if (paused === true) return;
  if (serves) return afterSwitch(work, stableSet, strategy);
  if (!isFullyAvailable(newSet, size)) return waits(work, isCleared ? 'ScaleUp' : 'Preview');
  if (!isCleared && !isTried(work, strategy)) return;
  status.blueGreen!.scaleUpPreviewCheckPoint = true;
  want(work, newSet, replicas);
  if (!isFullyAvailable(newSet, replicas)) return waits(work, 'ScaleUp');
  switchActive(work, newSet, strategy);
  at(work, 'Promotion', `the Service ${strategy.activeService} is switched`);
}

/** Only a deadline that has passed is made good by time. */
function hasRecovered({ status, newSet }: Work, size: number): boolean {
  if (status.failure?.reason !== 'ProgressDeadlineExceeded' || !isFullyAvailable(newSet, size)) return false;
  delete status.failure;
  return true;
}

/** Checked, and nobody wants to look at it any longer. */
function isTried(work: Work, strategy: BlueGreenStrategy): boolean {
  const outcome = advanceChecks(work, strategy.prePromotionChecks ?? [], 'prePromotion');
  if (outcome.phase === 'Failed') {
    fail(work, 'PrePromotionCheckFailed', outcome.message);
    return false;
  }
  if (outcome.phase === 'Running') {
    at(work, 'PrePromotionChecks', outcome.message);
    return false;
  }
  const { autoPromotionEnabled, autoPromotionSeconds } = strategy;
  const needsPause = !autoPromotionEnabled || (autoPromotionSeconds ?? 0) > 0;
  if (!needsPause || isPauseOver(work, { reason: PAUSE, seconds: autoPromotionSeconds })) return true;
  at(work, 'Pause', `waits for promotion of revision ${work.status.revision}`);
  return false;
}

function afterSwitch(work: Work, stableSet: ReplicaSet, strategy: BlueGreenStrategy): void {
  const { status, nowMs } = work;
  if (status.promoteFull !== true) {
    const outcome = advanceChecks(work, strategy.postPromotionChecks ?? [], 'postPromotion');
    if (outcome.phase === 'Failed') return fail(work, 'PostPromotionCheckFailed', outcome.message);
    if (outcome.phase === 'Running') return at(work, 'PostPromotionChecks', outcome.message);
  }
  const switchedMs = Date.parse(status.blueGreen!.switchTime ?? '') || nowMs;
  retireAt(work, stableSet, switchedMs + strategy.scaleDownDelaySeconds * 1000);
  status.blueGreen!.formerRS = hashOf(stableSet);
  complete(work);
}

/** Whether the active Service leads to the set already; if not, that is planned. */
function switchActive(work: Work, set: ReplicaSet, strategy: BlueGreenStrategy): boolean {
  const { plan, selectors, sets, nowMs, status, stableSet } = work;
  const before = selectors.get(strategy.activeService);
  if (before === hashOf(set)) return true;
  plan.switches.set(strategy.activeService, hashOf(set));
  status.blueGreen!.switchTime = formatMicroTime(nowMs);
  const former = sets.find((one) => hashOf(one) === before);
  emit(
    work,
    'Normal',
    'SwitchService',
    `Service ${strategy.activeService} leads to ${set.metadata.name}${former === undefined ? '' : `, no longer to ${former.metadata.name}`}`,
  );
  const isKept = former === undefined || former === stableSet || plan.sets.has(former.metadata.uid!);
  // At least a second: its endpoints are still known everywhere.
  if (!isKept) retireAt(work, former, nowMs + Math.max(1, strategy.scaleDownDelaySeconds) * 1000);
  return false;
}

function point({ plan, selectors }: Work, service: string | undefined, set: ReplicaSet): void {
  if (service !== undefined && selectors.get(service) !== hashOf(set)) plan.switches.set(service, hashOf(set));
}

function waits(work: Work, stage: string): void {
  const { newSet, plan } = work;
  const wanted = plan.sets.get(newSet.metadata.uid!)?.replicas ?? replicasOf(newSet);
  at(work, stage, `${availableOf(newSet)} of ${wanted} pods of revision ${work.status.revision} are available`);
}

/** Versions that nobody is interested in: what serves stays, what has a delay uses it, the rest goes. */
function retireOthers(work: Work, strategy: BlueGreenStrategy): void {
  const { sets, plan, selectors, rollout } = work;
  for (const set of sets) {
    if (plan.sets.has(set.metadata.uid!)) continue;
    if (selectors.get(strategy.activeService) === hashOf(set)) want(work, set, rollout.spec.replicas);
    else retireAt(work, set, retirementMs(set) ?? 0);
  }
}
