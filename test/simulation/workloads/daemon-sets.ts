/** Users of a DaemonSet: they roll it over, also to an image that cannot be pulled, and delete its pods. */
import { daemonSets } from '../../../api/apps/v1/daemon-set.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, withPod } from './deployments.ts';
import { drawImage, template } from './templates.ts';

const object = { namespace: 'default', name: 'agent' };

export const daemonSetWorkload: Workload = {
  name: 'daemon-sets',
  draw(random, calmMs) {
    const startMs = random.below(calmMs / 3);
    const labels = { app: 'agent' };
    const from = (image: string): Record<string, unknown> => template(labels, image, { cpu: '0' });
    const rollingUpdate = random.pick([
      { maxUnavailable: 1, maxSurge: 0 },
      { maxUnavailable: 2, maxSurge: 0 },
      { maxUnavailable: 0, maxSurge: 1 },
      undefined,
    ]);
    const updateStrategy =
      rollingUpdate === undefined ? { type: 'OnDelete' } : { type: 'RollingUpdate', rollingUpdate };
    const spec = {
      selector: { matchLabels: labels },
      updateStrategy,
      template: from('image-good:1'),
    };
    const create: Action['run'] = ({ client }) => client.create(daemonSets, { metadata: object, spec } as never);
    const roll = (image: string): Action['run'] => {
      const body = { spec: { template: from(image) } };
      return ({ client }) => client.patch(daemonSets, object, { type: 'merge', body });
    };
    const actions: Action[] = [
      { atMs: startMs, text: `create daemonset agent: ${JSON.stringify(updateStrategy)}`, run: create },
    ];
    for (let count = random.below(4); count > 0; count--) {
      const atMs = startMs + random.below(calmMs - startMs);
      // Nobody but its users would repair the other strategy's pods.
      const image = rollingUpdate === undefined ? 'image-good:3' : drawImage(random);
      const which = random.float();
      if (random.chance(0.6)) actions.push({ atMs, text: `roll agent to ${image}`, run: roll(image) });
      else actions.push({ atMs, text: 'delete a pod of agent', run: withPod({ app: 'agent', which }, deletePod) });
    }
    return [...actions, { atMs: calmMs, text: 'repair agent', run: roll('image-good:2') }];
  },
};
