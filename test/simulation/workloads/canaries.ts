/** Users of a canary Rollout: they roll it to good and to broken images, scale it, and delete pods. */
import type { CustomResourceDefinition } from '../../../api/apiextensions/v1/types.ts';
import { installOwnDefinitions } from '../../../cli/own-definitions.ts';
import { rollouts } from '../../../controllers/rollout/types.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, withPod } from './deployments.ts';
import { drawImage, template } from './templates.ts';

export const CANARY = 'canary';
const object = { namespace: 'default', name: CANARY };
const labels = { app: CANARY };

export function canaryWorkload(definitions: readonly CustomResourceDefinition[]): Workload {
  return {
    name: 'canaries',
    draw(random, calmMs) {
      const startMs = 5_000 + random.below(calmMs / 4);
      const install: Action['run'] = ({ client }) => installOwnDefinitions(client, definitions);
      const actions: Action[] = [
        { atMs: 1_000, text: 'install the definition of Rollouts', run: install },
        { atMs: startMs, ...drawRollout(random) },
      ];
      for (let count = random.below(6); count > 0; count--)
        actions.push({ atMs: startMs + random.below(calmMs - startMs), ...drawChange(random) });
      return [...actions, { atMs: calmMs, text: `repair ${CANARY}`, run: patch(imageOf('image-good:9')) }];
    },
  };
}

function drawRollout(random: SeededRandom): Omit<Action, 'atMs'> {
  const seconds = random.pick([5, 15]);
  const steps = [
    { setWeight: random.pick([20, 25]) },
    { pause: { seconds } },
    { setWeight: 50 },
    { pause: { seconds } },
  ];
  const canary = { maxSurge: 1, maxUnavailable: random.below(2), steps };
  const spec = {
    replicas: 3 + random.below(4),
    selector: { matchLabels: labels },
    progressDeadlineSeconds: 40,
    strategy: { canary },
    ...imageOf('image-good:1').spec,
  };
  const rollout = { apiVersion: 'rollouts.nocher.io/v1alpha1', kind: 'Rollout', metadata: object, spec };
  return {
    text: `create rollout ${CANARY} of ${spec.replicas}: ${JSON.stringify(canary)}`,
    run: ({ client }) => client.create(rollouts, rollout as never),
  };
}

function imageOf(image: string): { spec: { template: unknown } } {
  return { spec: { template: template(labels, image) } };
}

function patch(body: unknown): Action['run'] {
  return ({ client }) => client.patch(rollouts, object, { type: 'merge', body });
}

function drawChange(random: SeededRandom): Omit<Action, 'atMs'> {
  const image = drawImage(random);
  const replicas = 3 + random.below(4);
  const which = random.float();
  return random.weighted<Omit<Action, 'atMs'>>([
    [4, { text: `roll ${CANARY} to ${image}`, run: patch(imageOf(image)) }],
    [1, { text: `scale ${CANARY} to ${replicas}`, run: patch({ spec: { replicas } }) }],
    [1, { text: `delete a pod of ${CANARY}`, run: withPod({ app: CANARY, which }, deletePod) }],
  ]);
}
