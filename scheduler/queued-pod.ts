/** A pod on its way through the scheduling queue (`framework.QueuedPodInfo`). */
import type { QueuedOrder } from './framework.ts';
import type { PodInfo } from './pod-info.ts';

/** A pod and its history in the queue. */
export interface QueuedPod extends QueuedOrder {
  podInfo: PodInfo;
  timestampMs: number;
  /** Tells pods of one millisecond apart. */
  sequence: number;
  attempts: number;
  unschedulableCount: number;
  /** Errors in a row. */
  errorCount: number;
  /** Plugins that rejected it at the last attempt; empty when it was not the fault of any. */
  rejectors: ReadonlySet<string>;
  /** The plugin that keeps it out of the queue. */
  gatedBy: string | undefined;
}
