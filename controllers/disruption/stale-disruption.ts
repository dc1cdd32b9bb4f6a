/**
 * StaleDisruption: takes back the word that a pod is about to go from one that stayed, and tells of pods that more
 * than one budget covers (upstream `pkg/controller/disruption/disruption.go` syncStalePodDisruption, getPdbForPod).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { DISRUPTION_TARGET } from '../../api/core/v1/pod/disruption-target.ts';
import { podDisruptionBudgets } from '../../api/policy/v1/pod-disruption-budget.ts';
import { formatTime } from '../../base/clock.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { isPodTerminal, podCondition } from '../pods.ts';
import { budgetsOf } from './disruption.ts';

/** So long may a pod stay after it was said to go (`stalePodDisruptionTimeout`). */
const TIMEOUT_MS = 120_000;
/** The kubelet's word holds for however long it takes to end the pod. */
const BY_KUBELET = 'TerminationByKubelet';

export const staleDisruptionController = defineController<Pod>({
  name: 'disruption-controller',
  component: 'controllermanager',
  for: pods,
  reads: [podDisruptionBudgets],
  writes: [pods],
  async reconcile({ namespace, name }, context) {
    const pod = context.lister<Pod>(pods).get(namespace, name);
    if (pod === undefined) return undefined;
    tellOfManyBudgets(pod, context);
    const waitMs = staleAfterMs(pod, context.now());
    if (waitMs === undefined) return undefined;
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    // Its reason and message go with its truth.
    const condition = {
      type: DISRUPTION_TARGET,
      status: 'False',
      reason: null,
      message: null,
      lastTransitionTime: formatTime(context.now()),
    };
    const body = { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } };
    await context.client.patch<Pod>(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
    return undefined;
  },
});

/** How long until the pod's word that it is going is stale; undefined where it says no such thing, or is going. */
export function staleAfterMs(pod: Pod, nowMs: number): number | undefined {
  if (pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) return undefined;
  const condition = podCondition(pod, DISRUPTION_TARGET);
  if (condition?.status !== 'True' || condition.reason === BY_KUBELET) return undefined;
  const sinceMs = Date.parse(condition.lastTransitionTime ?? '');
  return Number.isFinite(sinceMs) ? Math.max(0, sinceMs + TIMEOUT_MS - nowMs) : 0;
}

function tellOfManyBudgets(pod: Pod, context: ControllerContext): void {
  const [first, second] = budgetsOf(pod, context);
  if (second === undefined) return;
  const { namespace, name } = pod.metadata;
  const which = `Pod ${JSON.stringify(namespace)}/${JSON.stringify(name)} matches multiple PodDisruptionBudgets.`;
  const message = `${which}  Chose ${JSON.stringify(first!.metadata.name)} arbitrarily.`;
  context.events.event(pod, 'Warning', 'MultiplePodDisruptionBudgets', message);
}
