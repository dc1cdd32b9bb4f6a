/** How many more pods a controller makes now, so that a count typed in error does not fill the memory. */
import type { Pod } from '../api/core/v1/pod.ts';

/** At most this many pods are created in one reconcile (upstream `BurstReplicas`, `MaxBatchSize`). */
const BURST = 500;
/**
 * While so many pods of an owner wait for a node, it makes no more, which could only wait with them. Upstream's client
 * makes 20 a second, whatever there is to do.
 */
const BACKLOG = 1_000;

/** `pods` are the owner's. */
export function roomForPods(pods: readonly Pod[]): number {
  const waiting = pods.filter(({ spec }) => !spec.nodeName).length;
  return Math.max(0, Math.min(BURST, BACKLOG - waiting));
}
