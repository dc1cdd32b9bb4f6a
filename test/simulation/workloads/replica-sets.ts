/** Users of bare ReplicaSets: they scale them, delete them in each way, and leave pods that match for adoption. */
import { replicaSets } from '../../../api/apps/v1/replica-set.ts';
import { pods } from '../../../api/core/v1/pod.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, unlabelPod, withPod } from './deployments.ts';
import { template } from './templates.ts';

const NAMESPACE = 'default';

export const replicaSetWorkload: Workload = {
  name: 'replica-sets',
  draw(random, calmMs) {
    if (random.chance(0.4)) return [];
    const name = 'set';
    const startMs = random.below(calmMs / 3);
    const spec = { replicas: random.below(8), selector: { matchLabels: { app: name } } };
    const actions: Action[] = [
      { atMs: startMs, text: `create replicaset ${name}: ${spec.replicas}`, run: create(name, spec) },
    ];
    for (let count = random.below(5); count > 0; count--) {
      actions.push({ atMs: startMs + random.below(calmMs - startMs), ...drawChange(random, name) });
    }
    return actions;
  },
};

function create(name: string, spec: Record<string, unknown>): Action['run'] {
  const set = {
    metadata: { name, namespace: NAMESPACE },
    spec: { ...spec, template: template({ app: name }, 'image-good:1') },
  };
  return ({ client }) => client.create(replicaSets, set as never);
}

function drawChange(random: SeededRandom, name: string): Omit<Action, 'atMs'> {
  const replicas = random.below(8);
  const which = random.float();
  const propagationPolicy = random.pick(['Background', 'Foreground', 'Orphan'] as const);
  const object = { namespace: NAMESPACE, name };
  const orphan = { metadata: { ...object, name: `${name}-own-${random.below(3)}`, labels: { app: name } } };
  return random.weighted<Omit<Action, 'atMs'>>([
    [
      4,
      {
        text: `scale ${name} to ${replicas}`,
        run: ({ client }) => client.patch(replicaSets, object, { type: 'merge', body: { spec: { replicas } } }),
      },
    ],
    [
      1,
      {
        text: `delete ${name}, ${propagationPolicy}`,
        run: ({ client }) => client.delete(replicaSets, object, { propagationPolicy }),
      },
    ],
    [
      1,
      {
        text: `create a pod that ${name} may adopt`,
        run: ({ client }) =>
          client.create(pods, { ...orphan, ...template({ app: name }, 'image-good:1'), ...orphan } as never),
      },
    ],
    [1, { text: `delete a pod of ${name}`, run: withPod({ app: name, which }, deletePod) }],
    [1, { text: `take the label of a pod of ${name}`, run: withPod({ app: name, which }, unlabelPod) }],
  ]);
}
