/** Users of bare ReplicaSets: they scale them, delete them in each way, and leave pods that match for adoption. */
import { replicaSets } from '../../../api/apps/v1/replica-set.ts';
import { pods } from '../../../api/core/v1/pod.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, unlabelPod, withPod } from './deployments.ts';
import { template } from './templates.ts';

const NAMESPACE = 'default';
const name = 'set';
const object = { namespace: NAMESPACE, name };

export const replicaSetWorkload: Workload = {
  name: 'replica-sets',
  draw(random, calmMs) {
    if (random.chance(0.4)) return [];
    const startMs = random.below(calmMs / 3);
    // Its pods can only be on nodes of their own: as many as there are at least.
    const hostPort = random.chance(0.5) ? 8080 : undefined;
    const most = hostPort === undefined ? 7 : 3;
    const spec = {
      replicas: random.below(most + 1),
      selector: { matchLabels: { app: name } },
      template: template({ app: name }, 'image-good:1', { hostPort }),
    };
    const create: Action['run'] = ({ client }) => client.create(replicaSets, { metadata: object, spec } as never);
    const actions: Action[] = [
      { atMs: startMs, text: `create replicaset ${name}: ${spec.replicas} ${hostPort ?? ''}`, run: create },
    ];
    for (let count = random.below(5); count > 0; count--) {
      const atMs = startMs + random.below(calmMs - startMs);
      actions.push({ atMs, ...drawChange(random, { most, hasPorts: hostPort !== undefined }) });
    }
    return actions;
  },
};

function drawChange(
  random: SeededRandom,
  { most, hasPorts }: { most: number; hasPorts: boolean },
): Omit<Action, 'atMs'> {
  const replicas = random.below(most + 1);
  const which = random.float();
  const propagationPolicy = random.pick(['Background', 'Foreground', 'Orphan'] as const);
  const scale: Action['run'] = ({ client }) =>
    client.patch(replicaSets, object, { type: 'merge', body: { spec: { replicas } } });
  const own = { namespace: NAMESPACE, name: `${name}-own-${random.below(3)}`, labels: { app: name } };
  const { spec } = template({ app: name }, 'image-good:1');
  return random.weighted<Omit<Action, 'atMs'>>([
    [4, { text: `scale ${name} to ${replicas}`, run: scale }],
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
        run: ({ client }) => client.create(pods, { metadata: own, spec } as never),
      },
    ],
    [1, { text: `delete a pod of ${name}`, run: withPod({ app: name, which }, deletePod) }],
    // It would keep its port.
    [hasPorts ? 0 : 1, { text: `take the label of a pod of ${name}`, run: withPod({ app: name, which }, unlabelPod) }],
  ]);
}
