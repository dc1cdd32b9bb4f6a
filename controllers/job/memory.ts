/** What the Job controller remembers between reconciles. Losing it costs a delay or a second look, never a count. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { BackoffRecord } from './backoff.ts';
import { NO_FAILURES, nextBackoff } from './backoff.ts';
import { isPodSucceeded } from './pod-facts.ts';
import { BURST, PAUSE_AFTER_BURST_MS } from './plan.ts';
import type { PodPlan } from './plan.ts';
import { isTracked } from './tracking-finalizer.ts';
import type { JobView } from './view.ts';

interface JobRecord {
  backoff: BackoffRecord | undefined;
  /** Uids of pods whose finalizer has been removed, until the cache shows it. */
  released: Set<string>;
  /** No pods are made before this time. */
  pausedUntilMs: number;
}

export class JobMemory {
  readonly #records = new Map<string, { uid: string; record: JobRecord }>();

  /** Pods that are counted though the cache may still show them with their finalizer. */
  released(key: string, uid: string, pods: readonly Pod[]): ReadonlySet<string> {
    const { released } = this.#recordOf(key, uid);
    if (released.size === 0) return released;
    const tracked = new Set(pods.filter(isTracked).map(({ metadata }) => metadata.uid));
    for (const pod of released) if (!tracked.has(pod)) released.delete(pod);
    return released;
  }

  noteReleased(key: string, uid: string, pod: string): void {
    this.#recordOf(key, uid).released.add(pod);
  }

  /** With the pods that have ended since it was stored; after a restart, with all that there still are. */
  backoff(key: string, { job, pods, newlySucceeded, newlyFailed }: JobView): BackoffRecord {
    const { backoff } = this.#recordOf(key, job.metadata.uid!);
    if (backoff !== undefined) return nextBackoff(backoff, { succeeded: newlySucceeded, failed: newlyFailed });
    const counted = pods.filter(({ status }) => status?.phase === 'Failed');
    const failed = [...new Set([...counted, ...newlyFailed])];
    return nextBackoff(NO_FAILURES, { succeeded: pods.filter(isPodSucceeded), failed });
  }

  /** Once the pods of which it tells are in the stored status. */
  storeBackoff(key: string, uid: string, backoff: BackoffRecord): void {
    this.#recordOf(key, uid).backoff = backoff;
  }

  /** The plan for now: as many pods as one reconcile may make are made once a second. */
  paced(key: string, uid: string, { plan, nowMs }: { plan: PodPlan; nowMs: number }): PodPlan {
    if (plan.type !== 'create') return plan;
    const record = this.#recordOf(key, uid);
    const delayMs = record.pausedUntilMs - nowMs;
    // A clock that is set back must not make for a long pause.
    if (delayMs > 0 && delayMs <= PAUSE_AFTER_BURST_MS) return { type: 'wait', delayMs };
    if (plan.indexes.length >= BURST) record.pausedUntilMs = nowMs + PAUSE_AFTER_BURST_MS;
    return plan;
  }

  forget(key: string): void {
    this.#records.delete(key);
  }

  #recordOf(key: string, uid: string): JobRecord {
    const known = this.#records.get(key);
    if (known?.uid === uid) return known.record;
    const record: JobRecord = { backoff: undefined, released: new Set(), pausedUntilMs: 0 };
    this.#records.set(key, { uid, record });
    return record;
  }
}
