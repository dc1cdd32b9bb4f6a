/**
 * An autoscaler keeps its target within its bounds, and moves it by no more at a time than its policies allow; at rest
 * there are as many pods as the load asks for.
 */
import type { Deployment } from '../../../api/apps/v1/deployment.ts';
import type { HorizontalPodAutoscaler } from '../../../api/autoscaling/v2/types.ts';
import { SCALED, STEP, TARGET_MILLIS } from '../workloads/autoscalers.ts';
import type { Check, Invariant } from './invariant.ts';

const KEY = `default/${SCALED}`;
/** `--horizontal-pod-autoscaler-tolerance`, and what rounding the use of each pod adds. */
const TOLERANCE = 0.11;

export const autoscalers: Invariant = ({ cluster, violated }) =>
  ({
    onChange({ kind, name, object, previous }) {
      if (kind !== 'deployments' || name !== KEY || object === undefined || previous === undefined) return;
      const before = (previous as Deployment).spec.replicas ?? 1;
      const after = (object as Deployment).spec.replicas ?? 1;
      const bounds = cluster.state.get<HorizontalPodAutoscaler>('horizontalpodautoscalers', KEY)?.spec;
      if (after === before || bounds === undefined) return;
      const { minReplicas = 1, maxReplicas } = bounds;
      if (after < minReplicas || after > maxReplicas)
        violated(`${SCALED} is scaled to ${after}; between ${minReplicas} and ${maxReplicas} are allowed`);
      if (Math.abs(after - before) > STEP) violated(`${SCALED} is scaled from ${before} to ${after} at once`);
    },
    atRest() {
      const replicas = cluster.state.get<Deployment>('deployments', KEY)?.spec.replicas ?? 1;
      const bounds = cluster.state.get<HorizontalPodAutoscaler>('horizontalpodautoscalers', KEY)?.spec;
      if (bounds === undefined) return;
      const load = cluster.loads.get(SCALED) ?? 0;
      const asked = Math.ceil(load / TARGET_MILLIS);
      const wanted = Math.min(Math.max(asked, bounds.minReplicas ?? 1), bounds.maxReplicas);
      const isTolerated = Math.abs(load / (replicas * TARGET_MILLIS) - 1) <= TOLERANCE;
      // To a clock that was set back, metrics of new pods are older than those: they count for nothing (upstream's
      // `groupPods`), for five minutes.
      const isDoubted = cluster.nodes.some(({ clock }) => clock.offsetMs < 0);
      if (replicas !== wanted && !isTolerated && !isDoubted)
        violated(`${SCALED} under a load of ${load}m came to rest with ${replicas} pods, not with ${wanted}`);
    },
  }) satisfies Check;
