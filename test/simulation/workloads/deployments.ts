/** Users of Deployments: they scale, roll over, pause, roll out broken images, change the strategy, delete and relabel. */
import { deployments } from '../../../api/apps/v1/deployment.ts';
import { pods } from '../../../api/core/v1/pod.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { services } from '../../../api/core/v1/service.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { drawImage, template } from './templates.ts';

const NAMESPACE = 'default';

export const deploymentWorkload: Workload = {
  name: 'deployments',
  draw(random, calmMs) {
    const names = ['web', 'shop'].slice(0, 1 + random.below(2));
    return names.flatMap((name) => drawLife(random, { name, calmMs }));
  },
};

function drawLife(random: SeededRandom, { name, calmMs }: { name: string; calmMs: number }): Action[] {
  const patch = (body: unknown): Action['run'] => {
    return ({ client }) => client.patch(deployments, { namespace: NAMESPACE, name }, { type: 'merge', body });
  };
  const created = drawDeployment(random, name);
  const startMs = random.below(calmMs / 4);
  const create: Action['run'] = ({ client }) => client.create(deployments, created as never);
  const actions: Action[] = [
    { atMs: startMs, text: `create deployment ${name}: ${JSON.stringify(created)}`, run: create },
  ];
  for (let count = random.below(7); count > 0; count--) {
    const atMs = startMs + random.below(calmMs - startMs);
    actions.push({ atMs, ...drawChange(random, { name, patch }) });
  }
  const image = `image-good:${random.below(4)}`;
  const service = {
    metadata: { name, namespace: NAMESPACE },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  };
  const serve: Action['run'] = ({ client }) => client.create(services, service);
  if (random.chance(0.5)) actions.push({ atMs: startMs + 1_000, text: `create service ${name}`, run: serve });
  // Where clocks have been set, readiness may lie in the future.
  const repair = { spec: { paused: false, minReadySeconds: 0, template: template({ app: name }, image) } };
  actions.push({ atMs: calmMs, text: `repair deployment ${name}: ${image}`, run: patch(repair) });
  return actions;
}

function drawDeployment(random: SeededRandom, name: string): Record<string, unknown> {
  return {
    metadata: { name, namespace: NAMESPACE },
    spec: {
      replicas: random.below(9),
      selector: { matchLabels: { app: name } },
      minReadySeconds: random.pick([0, 0, 0, 5]),
      strategy: drawStrategy(random),
      template: template({ app: name }, drawImage(random)),
    },
  };
}

function drawStrategy(random: SeededRandom): Record<string, unknown> {
  if (random.chance(0.15)) return { type: 'Recreate', rollingUpdate: null };
  const rollingUpdate = random.pick([
    { maxSurge: 1, maxUnavailable: 0 },
    { maxSurge: 0, maxUnavailable: 1 },
    { maxSurge: '25%', maxUnavailable: '25%' },
    { maxSurge: 2, maxUnavailable: 1 },
  ]);
  return { type: 'RollingUpdate', rollingUpdate };
}

function drawChange(
  random: SeededRandom,
  { name, patch }: { name: string; patch: (body: unknown) => Action['run'] },
): Omit<Action, 'atMs'> {
  const replicas = random.below(9);
  const image = drawImage(random);
  const isPaused = random.chance(0.5);
  const which = random.float();
  return random.weighted<Omit<Action, 'atMs'>>([
    [4, { text: `roll ${name} to ${image}`, run: patch({ spec: { template: template({ app: name }, image) } }) }],
    [3, { text: `scale ${name} to ${replicas}`, run: patch({ spec: { replicas } }) }],
    [1, { text: `pause ${name}: ${isPaused}`, run: patch({ spec: { paused: isPaused } }) }],
    [1, { text: `change the strategy of ${name}`, run: patch({ spec: { strategy: drawStrategy(random) } }) }],
    [2, { text: `delete a pod of ${name}`, run: withPod({ app: name, which }, deletePod) }],
    [1, { text: `take the label of a pod of ${name}`, run: withPod({ app: name, which }, unlabelPod) }],
  ]);
}

type PodAction = (pod: Pod, client: Parameters<Action['run']>[0]['client']) => Promise<unknown>;

/** On one of the pods with this label, if there are any. */
export function withPod({ app, which }: { app: string; which: number }, act: PodAction): Action['run'] {
  return async ({ client, state }) => {
    const found = state.all<Pod>('pods').filter(({ metadata }) => metadata.labels?.['app'] === app);
    const pod = found[Math.floor(which * found.length)];
    if (pod !== undefined) await act(pod, client);
  };
}

export const deletePod: PodAction = ({ metadata }, client) =>
  client.delete(pods, { namespace: metadata.namespace!, name: metadata.name! });

export const unlabelPod: PodAction = ({ metadata }, client) =>
  client.patch(
    pods,
    { namespace: metadata.namespace!, name: metadata.name! },
    { type: 'merge', body: { metadata: { labels: { app: null } } } },
  );
