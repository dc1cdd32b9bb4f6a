/** Users of a blue-green Rollout: they roll it to good and to broken images, scale it, and delete pods. */
import type { CustomResourceDefinition } from '../../../api/apiextensions/v1/types.ts';
import { services } from '../../../api/core/v1/service.ts';
import { installOwnDefinitions } from '../../../cli/own-definitions.ts';
import { rollouts } from '../../../controllers/rollout/types.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, withPod } from './deployments.ts';
import { drawImage, template } from './templates.ts';

export const ACTIVE = 'blue-green';
const object = { namespace: 'default', name: ACTIVE };
const labels = { app: ACTIVE };

export function rolloutWorkload(definitions: readonly CustomResourceDefinition[]): Workload {
  return {
    name: 'rollouts',
    draw(random, calmMs) {
      const startMs = 5_000 + random.below(calmMs / 4);
      const install: Action['run'] = ({ client }) => installOwnDefinitions(client, definitions);
      const actions: Action[] = [
        { atMs: 1_000, text: 'install the definition of Rollouts', run: install },
        { atMs: startMs, text: `create rollout ${ACTIVE}`, run: create(random) },
      ];
      for (let count = random.below(6); count > 0; count--)
        actions.push({ atMs: startMs + random.below(calmMs - startMs), ...drawChange(random) });
      const image = `image-good:${random.below(4)}`;
      return [...actions, { atMs: calmMs, text: `repair ${ACTIVE}: ${image}`, run: patch(imageOf(image)) }];
    },
  };
}

function create(random: SeededRandom): Action['run'] {
  const blueGreen = { activeService: ACTIVE, autoPromotionEnabled: true, scaleDownDelaySeconds: random.pick([1, 30]) };
  const spec = {
    replicas: 1 + random.below(3),
    selector: { matchLabels: labels },
    progressDeadlineSeconds: 40,
    rollbackOnFailure: random.chance(0.5),
    strategy: { blueGreen },
    ...imageOf('image-good:1').spec,
  };
  return async ({ client }) => {
    await client.create(services, { metadata: object, spec: { selector: labels, ports: [{ port: 80 }] } } as never);
    await client.create(rollouts, {
      apiVersion: 'rollouts.nocher.io/v1alpha1',
      kind: 'Rollout',
      metadata: object,
      spec,
    } as never);
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
  const replicas = 1 + random.below(3);
  const which = random.float();
  return random.weighted<Omit<Action, 'atMs'>>([
    [4, { text: `roll ${ACTIVE} to ${image}`, run: patch(imageOf(image)) }],
    [1, { text: `scale ${ACTIVE} to ${replicas}`, run: patch({ spec: { replicas } }) }],
    [1, { text: `delete a pod of ${ACTIVE}`, run: withPod({ app: ACTIVE, which }, deletePod) }],
  ]);
}
