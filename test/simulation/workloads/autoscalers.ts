/** Users of an autoscaled Deployment: the load on it changes, and pods are deleted. */
import { deployments } from '../../../api/apps/v1/deployment.ts';
import { horizontalPodAutoscalers } from '../../../api/autoscaling/v2/horizontal-pod-autoscaler.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, withPod } from './deployments.ts';
import { template } from './templates.ts';

export const SCALED = 'scaled';
/** What a pod is to use, of the CPU that it asks for. */
export const TARGET_MILLIS = 500;
/** That many pods come at most with one write, and as many go. */
export const STEP = 2;

const object = { namespace: 'default', name: SCALED };

export const autoscalerWorkload: Workload = {
  name: 'autoscalers',
  draw(random, calmMs) {
    const startMs = random.below(calmMs / 4);
    const minReplicas = 1 + random.below(2);
    const maxReplicas = minReplicas + 1 + random.below(5);
    const actions: Action[] = [
      { atMs: startMs, ...drawLoad(random) },
      { atMs: startMs + 1, text: `create deployment ${SCALED}`, run: createTarget(minReplicas) },
      {
        atMs: startMs + 2_000,
        text: `autoscale ${SCALED} between ${minReplicas} and ${maxReplicas}`,
        run: createAutoscaler({ minReplicas, maxReplicas }),
      },
    ];
    for (let count = random.below(6); count > 0; count--) {
      const atMs = startMs + 3_000 + random.below(calmMs - startMs - 3_000);
      const run = withPod({ app: SCALED, which: random.float() }, deletePod);
      actions.push(
        random.chance(0.8) ? { atMs, ...drawLoad(random) } : { atMs, text: `delete a pod of ${SCALED}`, run },
      );
    }
    return actions;
  },
};

function drawLoad(random: SeededRandom): Omit<Action, 'atMs'> {
  const millis = 100 * random.below(40);
  return {
    text: `load ${SCALED} with ${millis}m`,
    run: ({ loads }) => Promise.resolve(loads.set(SCALED, millis)),
  };
}

function createTarget(replicas: number): Action['run'] {
  const labels = { app: SCALED };
  const spec = { replicas, selector: { matchLabels: labels }, template: template(labels, 'image-good:1') };
  return ({ client }) => client.create(deployments, { metadata: object, spec } as never);
}

function createAutoscaler(bounds: { minReplicas: number; maxReplicas: number }): Action['run'] {
  const rules = (stabilizationWindowSeconds: number): object => ({
    stabilizationWindowSeconds,
    policies: [{ type: 'Pods', value: STEP, periodSeconds: 15 }],
  });
  const target = { type: 'Utilization', averageUtilization: TARGET_MILLIS / 10 };
  const spec = {
    ...bounds,
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: SCALED },
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
    behavior: { scaleUp: rules(0), scaleDown: rules(30) },
  };
  return ({ client }) => client.create(horizontalPodAutoscalers, { metadata: object, spec } as never);
}
