/** A budget for a Deployment, and an administrator who evicts its pods as if to drain nodes. */
import { deployments } from '../../../api/apps/v1/deployment.ts';
import { pods } from '../../../api/core/v1/pod.ts';
import { podDisruptionBudgets } from '../../../api/policy/v1/pod-disruption-budget.ts';
import type { Action, Workload } from './action.ts';
import { withPod } from './deployments.ts';
import { template } from './templates.ts';

const object = { namespace: 'default', name: 'guarded' };

export const budgetWorkload: Workload = {
  name: 'budgets',
  draw(random, calmMs) {
    const startMs = random.below(calmMs / 4);
    const replicas = 2 + random.below(4);
    const labels = { app: 'guarded' };
    const selector = { matchLabels: labels };
    const spec = { replicas, selector, template: template(labels, 'image-good:1') };
    const minAvailable = 1 + random.below(replicas);
    const create: Action['run'] = async ({ client }) => {
      await client.create(deployments, { metadata: object, spec } as never);
      await client.create(podDisruptionBudgets, { metadata: object, spec: { minAvailable, selector } } as never);
    };
    const text = `create deployment guarded of ${replicas} with a budget of ${minAvailable}`;
    const actions: Action[] = [{ atMs: startMs, text, run: create }];
    for (let count = random.below(8); count > 0; count--) {
      const atMs = startMs + 5_000 + random.below(Math.min(60_000, calmMs - startMs - 5_000));
      const evict = withPod({ app: 'guarded', which: random.float() }, ({ metadata }, client) => {
        const { namespace = '', name = '' } = metadata;
        const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
        return client.create(pods, eviction, { subresource: 'eviction', name });
      });
      actions.push({ atMs, text: 'evict a pod of guarded', run: evict });
    }
    return actions;
  },
};
