/** The state of checks: which are due, what their results mean. Pure; `check-runner.ts` makes the tries. */
import type { Job } from '../../api/batch/v1/job.ts';
import { formatTime } from '../../base/clock.ts';
import { textHash } from '../deployment/template.ts';
import type { Check, CheckPhase, CheckStatus } from './types.ts';
import { emit, wakeAt } from './work.ts';
import type { Work } from './work.ts';

export interface CheckResult {
  name: string;
  when: string;
  ok: boolean;
  message: string;
}

export interface CheckOutcome {
  phase: CheckPhase;
  message: string;
}

/** All at the same time; one that fails is enough. */
export function advanceChecks(work: Work, checks: readonly Check[], when: string): CheckOutcome {
  const entries = checks.map((check) => ({ check, entry: entryOf(work, check, when) }));
  for (const { check, entry } of entries) if (entry.phase === 'Running') advanceOne(work, check, entry);
  const failed = entries.find(({ entry }) => entry.phase === 'Failed');
  if (failed !== undefined) {
    const { name, message } = failed.entry;
    return { phase: 'Failed', message: `check ${name} failed: ${message}` };
  }
  const running = entries.filter(({ entry }) => entry.phase === 'Running').map(({ entry }) => entry.name);
  if (running.length === 0) return { phase: 'Successful', message: '' };
  return { phase: 'Running', message: `waits for the checks ${running.join(', ')}` };
}

function entryOf({ status, nowMs }: Work, { name }: Check, when: string): CheckStatus {
  status.checks ??= [];
  const found = status.checks.find((entry) => entry.name === name && entry.when === when);
  if (found !== undefined) return found;
  const entry: CheckStatus = {
    name,
    when,
    phase: 'Running',
    successes: 0,
    failures: 0,
    startTime: formatTime(nowMs),
  };
  status.checks.push(entry);
  return entry;
}

function advanceOne(work: Work, check: Check, entry: CheckStatus): void {
  const begunMs = Date.parse(entry.startTime) + check.initialDelaySeconds * 1000;
  const dueMs = entry.lastTime === undefined ? begunMs : Date.parse(entry.lastTime) + check.intervalSeconds * 1000;
  if (work.nowMs < dueMs) return wakeAt(work, dueMs);
  if (check.job === undefined) work.plan.due.push({ check, when: entry.when });
  else advanceJob(work, check, entry);
}

/** Another attempt at the same version is another Job. */
export function checkJobName({ rollout, status }: Pick<Work, 'rollout' | 'status'>, entry: CheckStatus): string {
  const { name, when, startTime } = entry;
  const rolloutName = rollout.metadata.name!;
  const id = textHash(`${rolloutName}/${status.currentPodHash}/${when}/${name}/${startTime}`);
  return `${rolloutName.slice(0, 30)}-${name.slice(0, 20)}-${id}`.replace(/[^a-z0-9]+/g, '-');
}

function advanceJob(work: Work, check: Check, entry: CheckStatus): void {
  const { jobs, nowMs } = work;
  const name = checkJobName(work, entry);
  const job = jobs.find(({ metadata }) => metadata.name === name);
  if (job === undefined) {
    work.plan.jobs.push({ name, check, when: entry.when });
    return;
  }
  const ended = endOf(job);
  const overMs = Date.parse(job.metadata.creationTimestamp ?? '') + check.timeoutSeconds * 1000;
  if (ended === undefined && nowMs < overMs) return wakeAt(work, overMs);
  const result = ended ?? { ok: false, message: `Job ${name} did not complete in ${check.timeoutSeconds} s` };
  judge(work, { ...check, count: 1, failureLimit: 0 }, { entry, result });
}

function endOf({ metadata, status }: Job): { ok: boolean; message: string } | undefined {
  const holds = (type: string): { message?: string } | undefined =>
    status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
  if (holds('Complete') !== undefined) return { ok: true, message: `Job ${metadata.name} completed` };
  const failed = holds('Failed');
  return failed && { ok: false, message: `Job ${metadata.name} failed: ${failed.message ?? ''}` };
}

/** Puts the results of tries into the status; those of checks that are no longer asked for are dropped. */
export function noteResults(work: Work, results: readonly CheckResult[]): void {
  for (const result of results) {
    const entry = work.status.checks?.find(({ name, when }) => name === result.name && when === result.when);
    const check = checksOf(work, result.when).find(({ name }) => name === result.name);
    if (entry?.phase === 'Running' && check !== undefined) judge(work, check, { entry, result });
  }
}

function judge(
  work: Work,
  check: Pick<Check, 'name' | 'count' | 'failureLimit'>,
  { entry, result }: { entry: CheckStatus; result: { ok: boolean; message: string } },
): void {
  entry.lastTime = formatTime(work.nowMs);
  entry.message = result.message.slice(0, 300);
  if (result.ok) entry.successes++;
  else entry.failures++;
  if (entry.failures > check.failureLimit) entry.phase = 'Failed';
  else if (entry.successes >= check.count) entry.phase = 'Successful';
  if (entry.phase === 'Failed') emit(work, 'Warning', 'CheckFailed', `Check ${check.name} failed: ${entry.message}`);
  if (entry.phase === 'Successful') emit(work, 'Normal', 'CheckSucceeded', `Check ${check.name} succeeded`);
}

function checksOf({ rollout }: Work, when: string): readonly Check[] {
  const { blueGreen, canary } = rollout.spec.strategy;
  if (when === 'prePromotion') return blueGreen?.prePromotionChecks ?? [];
  if (when === 'postPromotion') return blueGreen?.postPromotionChecks ?? [];
  const { check } = canary?.steps?.[Number(when.slice('step-'.length))] ?? {};
  return check === undefined ? [] : [check];
}

/** The Service that leads to the new version meanwhile. */
export function serviceUnderCheck({ rollout }: Pick<Work, 'rollout'>, when: string): string | undefined {
  const { blueGreen, canary } = rollout.spec.strategy;
  if (when === 'prePromotion') return blueGreen?.previewService;
  return when === 'postPromotion' ? blueGreen?.activeService : canary?.canaryService;
}
