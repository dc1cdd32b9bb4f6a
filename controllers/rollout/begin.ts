/** What comes before every strategy: a new template begins anew, and what people asked for by annotation is noted. */
import { formatMicroTime } from '../../base/clock.ts';
import { textHash } from '../deployment/template.ts';
import { ABORT, hashOf, PROMOTE, RETRY, revisionOf } from './types.ts';
import type { RolloutStatus } from './types.ts';
import { emit, fail, retirementMs, wakeAt } from './work.ts';
import type { Work } from './work.ts';

export function begin(work: Work): void {
  const { status, newSet } = work;
  status.revision = revisionOf(newSet);
  if (status.currentPodHash !== hashOf(newSet)) beginVersion(work);
  else if (haveStepsChanged(work)) beginSteps(work);
  noteRetry(work);
  noteAbort(work);
  if (promotion(work) === 'full' && status.promoteFull !== true && isUnderWay(work)) {
    status.promoteFull = true;
    delete status.pauseConditions;
    emit(work, 'Normal', 'RolloutResumed', `Revision ${status.revision} is promoted in full`);
  }
}

export function isUnderWay({ status, newSet }: Work): boolean {
  return status.stableRS !== undefined && status.stableRS !== hashOf(newSet) && status.failure === undefined;
}

function beginVersion(work: Work): void {
  const { status, newSet } = work;
  if (status.currentPodHash !== undefined)
    emit(work, 'Normal', 'RolloutUpdated', `Rollout updated to revision ${status.revision}`);
  status.currentPodHash = hashOf(newSet);
  startOver(status);
  beginSteps(work);
  // The version that was stable until a moment ago, and still runs, needs no trial; one that was aborted does.
  const wasStable = status.blueGreen?.formerRS === hashOf(newSet);
  if (wasStable && (retirementMs(newSet) ?? 0) > work.nowMs) status.promoteFull = true;
}

/** Nothing of an earlier attempt counts. */
function startOver(status: RolloutStatus): void {
  delete status.abort;
  delete status.failure;
  delete status.pauseConditions;
  delete status.promoteFull;
  delete status.checks;
  delete status.stage;
  delete status.blueGreen?.scaleUpPreviewCheckPoint;
  delete status.blueGreen?.switchTime;
}

function stepsHash({ rollout }: Work): string | undefined {
  const { canary } = rollout.spec.strategy;
  return canary === undefined ? undefined : textHash(JSON.stringify(canary.steps ?? []));
}

function haveStepsChanged(work: Work): boolean {
  return stepsHash(work) !== work.status.currentStepHash;
}

function beginSteps(work: Work): void {
  const { status } = work;
  const hash = stepsHash(work);
  delete status.currentStepIndex;
  delete status.currentStepHash;
  delete status.pauseConditions;
  if (status.checks !== undefined) status.checks = status.checks.filter(({ when }) => !when.startsWith('step-'));
  if (hash === undefined) return;
  status.currentStepIndex = 0;
  status.currentStepHash = hash;
}

function noteRetry(work: Work): void {
  const { status, rollout } = work;
  const { failure } = status;
  if (failure === undefined || rollout.metadata.annotations?.[RETRY] !== failure.time) return;
  startOver(status);
  beginSteps(work);
  emit(work, 'Normal', 'RolloutRetried', `Revision ${status.revision} is tried again`);
}

function noteAbort(work: Work): void {
  const { status, rollout } = work;
  if (rollout.metadata.annotations?.[ABORT] !== String(status.revision)) return;
  if (status.abort === true || status.stableRS === undefined || status.stableRS === hashOf(work.newSet)) return;
  fail(work, 'RolloutAborted', 'somebody asked for it');
}

/** What the annotation says of the present revision. */
function promotion({ rollout, status }: Work): 'none' | 'pauses' | 'full' | { step: number } {
  const [revision, what] = (rollout.metadata.annotations?.[PROMOTE] ?? '').split('/');
  if (revision !== String(status.revision)) return 'none';
  if (what === undefined) return 'pauses';
  if (what === 'full') return 'full';
  return /^\d{1,3}$/.test(what) ? { step: Number(what) } : 'none';
}

/** Whether the pause is over, having begun it if need be: by time, or because somebody said so. */
export function isPauseOver(
  work: Work,
  pause: { reason: string; seconds: number | undefined; step?: number },
): boolean {
  const { status, nowMs } = work;
  const asked = promotion(work);
  const isPromoted = asked === 'pauses' || (typeof asked === 'object' && asked.step === (pause.step ?? 0));
  const begun = status.pauseConditions?.find(({ reason }) => reason === pause.reason);
  const overMs =
    pause.seconds === undefined
      ? Infinity
      : (begun === undefined ? nowMs : Date.parse(begun.startTime)) + pause.seconds * 1000;
  if (isPromoted || overMs <= nowMs) {
    if (begun !== undefined)
      emit(work, 'Normal', 'RolloutResumed', `Revision ${status.revision} goes on${isPromoted ? ': promoted' : ''}`);
    delete status.pauseConditions;
    return true;
  }
  if (begun === undefined) {
    status.pauseConditions = [{ reason: pause.reason, startTime: formatMicroTime(nowMs) }];
    emit(work, 'Normal', 'RolloutPaused', `Revision ${status.revision} is paused (${pause.reason})`);
  }
  if (Number.isFinite(overMs)) wakeAt(work, overMs);
  return false;
}
