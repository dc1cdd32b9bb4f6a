/** Users of a StatefulSet: they scale, roll over (in part), delete pods, and the set. */
import { statefulSets } from '../../../api/apps/v1/stateful-set.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, withPod } from './deployments.ts';
import { template } from './templates.ts';

const NAMESPACE = 'default';
const name = 'db';
const object = { namespace: NAMESPACE, name };

export const statefulSetWorkload: Workload = {
  name: 'stateful-sets',
  draw(random, calmMs) {
    const startMs = random.below(calmMs / 3);
    const spec = {
      serviceName: name,
      replicas: random.below(5),
      podManagementPolicy: random.pick(['OrderedReady', 'Parallel']),
      selector: { matchLabels: { app: name } },
      template: template({ app: name }, 'image-good:1'),
    };
    const text = `create statefulset ${name}: ${spec.replicas} ${spec.podManagementPolicy}`;
    const create: Action['run'] = ({ client }) => client.create(statefulSets, { metadata: object, spec } as never);
    const actions: Action[] = [{ atMs: startMs, text, run: create }];
    for (let count = random.below(6); count > 0; count--)
      actions.push({ atMs: startMs + random.below(calmMs - startMs), ...drawChange(random) });
    const whole = { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } } };
    actions.push({ atMs: calmMs, text: `update the whole of ${name}`, run: patch(whole) });
    return actions;
  },
};

function patch(body: unknown): Action['run'] {
  return ({ client }) => client.patch(statefulSets, object, { type: 'merge', body });
}

function drawChange(random: SeededRandom): Omit<Action, 'atMs'> {
  const replicas = random.below(5);
  const partition = random.below(4);
  const image = `image-good:${random.below(4)}`;
  const which = random.float();
  const rollingUpdate = { type: 'RollingUpdate', rollingUpdate: { partition } };
  return random.weighted<Omit<Action, 'atMs'>>([
    [3, { text: `scale ${name} to ${replicas}`, run: patch({ spec: { replicas } }) }],
    [3, { text: `roll ${name} to ${image}`, run: patch({ spec: { template: template({ app: name }, image) } }) }],
    [1, { text: `partition ${name} at ${partition}`, run: patch({ spec: { updateStrategy: rollingUpdate } }) }],
    [2, { text: `delete a pod of ${name}`, run: withPod({ app: name, which }, deletePod) }],
    [
      1,
      {
        text: `delete ${name}`,
        run: ({ client }) => client.delete(statefulSets, object, { propagationPolicy: 'Background' }),
      },
    ],
  ]);
}
