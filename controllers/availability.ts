/** When to look again at pods that are ready and have not been for long enough. */
import type { Pod } from '../api/core/v1/pod.ts';
import type { ReconcileResult } from '../client/controller.ts';
import { isPodAvailable, isPodReady, podCondition } from './pods.ts';

/** Never sooner than this: a clock that is a little behind must not make a controller spin. */
const MIN_WAIT_MS = 100;

/** When the next of the pods becomes available, if nothing happens to it; seen from the moment of the status. */
export function requeueForAvailability(
  pods: readonly Pod[],
  { minReadySeconds = 0, nowMs }: { minReadySeconds: number | undefined; nowMs: number },
): ReconcileResult {
  if (minReadySeconds === 0) return undefined;
  const waitsMs = pods
    .filter((pod) => isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, nowMs))
    .map((pod) => Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '') + minReadySeconds * 1000 - nowMs)
    .filter(Number.isFinite);
  return waitsMs.length === 0 ? undefined : { requeueAfterMs: Math.max(MIN_WAIT_MS, Math.min(...waitsMs)) };
}
