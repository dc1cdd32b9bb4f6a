/** Whose resize is tried first (upstream `allocation_manager.go sortPendingResizes`): pure. */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { podQosClass } from '../../api/core/v1/qos.ts';

export interface PendingResize {
  pod: Pod;
  /** More is asked for than was granted. */
  isIncreasing: boolean;
  /** Since when it waits; undefined for one that nobody has looked at yet. */
  sinceMs: number | undefined;
}

/** Who gives back first; then by priority, by class of service, and by how long it waits. Stable. */
export function inOrder<T extends PendingResize>(pending: readonly T[]): T[] {
  return pending.toSorted(
    (a, b) =>
      Number(a.isIncreasing) - Number(b.isIncreasing) ||
      (b.pod.spec.priority ?? 0) - (a.pod.spec.priority ?? 0) ||
      isGuaranteed(b) - isGuaranteed(a) ||
      // Both may be Infinity.
      (a.sinceMs ?? Infinity) - (b.sinceMs ?? Infinity) ||
      0,
  );
}

function isGuaranteed({ pod }: PendingResize): number {
  return podQosClass(pod) === 'Guaranteed' ? 1 : 0;
}
