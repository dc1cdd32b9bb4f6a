/** How long a Job waits before it makes a pod anew (upstream `pkg/controller/job/backoff_utils.go`). */
import type { Pod } from '../../api/core/v1/pod.ts';
import { failuresBefore, finishedMs, ignoredFailuresBefore } from './pod-facts.ts';

const BASE_MS = 10_000;
const MAX_MS = 600_000;

/** Failures since the last pod that succeeded. */
export interface BackoffRecord {
  failures: number;
  /** Of the last failure; means nothing without failures. */
  lastFailureMs: number;
}

export const NO_FAILURES: BackoffRecord = { failures: 0, lastFailureMs: 0 };

/** The record once these have ended, too. */
export function nextBackoff(
  record: BackoffRecord,
  { succeeded, failed }: { succeeded: readonly Pod[]; failed: readonly Pod[] },
): BackoffRecord {
  const lastSuccessMs = latest(succeeded.map(finishedMs));
  const since = failed.map(finishedMs).filter((ms) => ms > lastSuccessMs);
  const known = succeeded.length > 0 ? NO_FAILURES : record;
  if (since.length === 0) return known;
  return { failures: known.failures + since.length, lastFailureMs: latest(since) };
}

const latest = (times: readonly number[]): number => times.reduce((a, b) => Math.max(a, b), -Infinity);

/** 10 s after the first failure, doubled with each further one up to 10 min; 0 once it is over. */
export function remainingMs({ failures, lastFailureMs }: BackoffRecord, nowMs: number): number {
  if (failures === 0) return 0;
  const delayMs = Math.min(MAX_MS, BASE_MS * 2 ** Math.min(failures - 1, 16));
  return Math.max(0, lastFailureMs + delayMs - nowMs);
}

/** Of one index, after its last pod failed. */
export function remainingForIndexMs(lastFailed: Pod | undefined, nowMs: number): number {
  if (lastFailed === undefined) return 0;
  const failures = failuresBefore(lastFailed) + ignoredFailuresBefore(lastFailed) + 1;
  return remainingMs({ failures, lastFailureMs: finishedMs(lastFailed) }, nowMs);
}
