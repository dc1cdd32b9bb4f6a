/**
 * No eviction leaves fewer healthy pods than a budget asks for (unless others were lost lately, which the budget's
 * status may not show yet).
 */
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { PodDisruptionBudget } from '../../../api/policy/v1/pod-disruption-budget.ts';
import { isActive, isReady } from '../state.ts';
import type { Check, CheckContext, Invariant } from './invariant.ts';
import { LAG_MS } from './recent.ts';

export const budgets: Invariant = (context) => {
  const lossMs = new Map<string, number>();
  return {
    onChange({ kind, object, previous }) {
      const before = previous as Pod | undefined;
      if (kind !== 'pods' || before === undefined || !isActive(before) || !isReady(before)) return;
      const pod = object as Pod | undefined;
      if (pod !== undefined && isActive(pod) && isReady(pod)) return;
      for (const budget of context.cluster.state.all<PodDisruptionBudget>('poddisruptionbudgets'))
        if (covers(budget, before)) check(budget, before, { lossMs, context });
    },
  } satisfies Check;
};

function covers({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean {
  const wanted = Object.entries(spec?.selector?.matchLabels ?? {});
  return (
    metadata.namespace === pod.metadata.namespace &&
    wanted.every(([name, value]) => pod.metadata.labels?.[name] === value)
  );
}

function check(
  budget: PodDisruptionBudget,
  pod: Pod,
  { lossMs, context }: { lossMs: Map<string, number>; context: CheckContext },
): void {
  const { cluster, violated } = context;
  const { uid = '' } = budget.metadata;
  const { namespace, name } = pod.metadata;
  const nowMs = cluster.time.elapsedMs;
  if (!cluster.wasEvicted(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`)) {
    lossMs.set(uid, nowMs);
    return;
  }
  if (nowMs - (lossMs.get(uid) ?? -Infinity) < LAG_MS) return;
  const healthy = cluster.state
    .all<Pod>('pods')
    .filter((one) => covers(budget, one) && isActive(one) && isReady(one)).length;
  const least = Number(budget.spec?.minAvailable);
  if (healthy < least) violated(`${name} was evicted: ${healthy} are left, and the budget asks for ${least}`);
}
