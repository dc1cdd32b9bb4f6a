import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ApiObjectList } from '../../api/machinery/meta.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { templatePatch } from '../controller-history/revisions.ts';
import { templateHash } from '../deployment/template.ts';
import { eventually, runControllers } from '../testing.ts';
import { daemonSetController } from './daemon-set.ts';
import { targetNode } from './placement.ts';

const SETS = '/apis/apps/v1/namespaces/default/daemonsets';
const REVISIONS = '/apis/apps/v1/namespaces/default/controllerrevisions';
const PODS = '/api/v1/namespaces/default/pods';
const NODES = '/api/v1/nodes';
const HASH = 'controller-revision-hash';

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  for (const name of ['n1', 'n2']) await makeNode(name);
  stop = runControllers(server.api.handler, [daemonSetController()]);
});
afterAll(async () => {
  await stop();
  await server.close();
});

const patch = (url: string, body: object): Promise<unknown> =>
  server.send('PATCH', url, { body, contentType: 'application/merge-patch+json' });
/** Admission taints new nodes until they are ready. */
async function makeNode(name: string): Promise<void> {
  await server.call('POST', NODES, { metadata: { name } });
  await patch(`${NODES}/${name}`, { spec: { taints: null } });
}
const listOf = async <T>(url: string, app: string): Promise<T[]> =>
  (await server.call<ApiObjectList<T>>('GET', `${url}?labelSelector=app%3D${app}`)).items;

const templateFor = (name: string): object => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'c', image: 'i:1' }] },
});
const makeSet = (name: string, spec: object = {}, query = ''): Promise<DaemonSet> =>
  server.call('POST', SETS + query, {
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template: templateFor(name), ...spec },
  });
const setImage = (name: string, image: string): Promise<unknown> =>
  patch(`${SETS}/${name}`, { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });

/** The pods, once there is one for each of these nodes. */
const podsFor = (app: string, ...nodes: string[]): Promise<Pod[]> =>
  eventually(async () => {
    const found = await listOf<Pod>(PODS, app);
    return found.map(targetNode).sort().join() === nodes.join() ? found : undefined;
  });
/** The revisions, once they are these. */
const revisions = (app: string, ...numbers: number[]): Promise<ControllerRevision[]> =>
  eventually(async () => {
    const found = await listOf<ControllerRevision>(REVISIONS, app);
    return found
      .map(({ revision }) => revision)
      .sort()
      .join() === numbers.join()
      ? found
      : undefined;
  });
const setPhase = (pod: Pod, phase: string): Promise<unknown> =>
  patch(`${PODS}/${pod.metadata.name}/status`, { status: { phase } });

describe('a DaemonSet', () => {
  it('follows nodes as they come, change and go', async () => {
    await makeSet('following');
    await podsFor('following', 'n1', 'n2');
    await makeNode('n3');
    await podsFor('following', 'n1', 'n2', 'n3');
    await patch(`${NODES}/n3`, { spec: { taints: [{ key: 'mine', effect: 'NoExecute' }] } });
    await podsFor('following', 'n1', 'n2');
    await patch(`${NODES}/n3`, { spec: { taints: null } });
    await podsFor('following', 'n1', 'n2', 'n3');
    await server.call('DELETE', `${NODES}/n3`);
    await podsFor('following', 'n1', 'n2');
  });

  it.each(['Failed', 'Succeeded'])('replaces a pod that is %s', async (phase) => {
    const name = `replacing-${phase.toLowerCase()}`;
    await makeSet(name);
    const [first] = await podsFor(name, 'n1', 'n2');
    await setPhase(first!, phase);
    await eventually(async () => {
      const names = (await podsFor(name, 'n1', 'n2')).map(({ metadata }) => metadata.name);
      return names.includes(first!.metadata.name) ? undefined : true;
    });
  });

  it('says how far it is', async () => {
    await makeSet('telling');
    await podsFor('telling', 'n1', 'n2');
    const { status } = await eventually(async () => {
      const found = await server.call<DaemonSet>('GET', `${SETS}/telling`);
      return found.status?.currentNumberScheduled === 2 ? found : undefined;
    });
    expect(status).toEqual({
      observedGeneration: 1,
      desiredNumberScheduled: 2,
      currentNumberScheduled: 2,
      updatedNumberScheduled: 2,
      numberUnavailable: 2,
      numberMisscheduled: 0,
      numberReady: 0,
    });
  });
});

describe('revisions of a DaemonSet', () => {
  it('are named anew where the name is taken, which the status counts', async () => {
    const { spec } = await makeSet('colliding', {}, '?dryRun=All');
    const name = `colliding-${templateHash(spec.template, undefined)}`;
    await server.call('POST', REVISIONS, { metadata: { name }, data: { other: true }, revision: 1 });
    await makeSet('colliding');
    const [revision] = await revisions('colliding', 1);
    expect(revision!.metadata.name).toBe(`colliding-${templateHash(spec.template, 1)}`);
    expect((await server.call<DaemonSet>('GET', `${SETS}/colliding`)).status?.collisionCount).toBe(1);
  });

  it('are forgotten beyond the limit, but for those in use', async () => {
    await makeSet('forgetful', { revisionHistoryLimit: 1, updateStrategy: { type: 'OnDelete' } });
    await podsFor('forgetful', 'n1', 'n2');
    for (let image = 2; image <= 4; image++) {
      await setImage('forgetful', `i:${image}`);
      await eventually(async () => {
        const found = await listOf<ControllerRevision>(REVISIONS, 'forgetful');
        return found.some(({ revision }) => revision === image) ? true : undefined;
      });
    }
    // Pods are of the first, and the fourth is to come; what is in use counts for the limit.
    await revisions('forgetful', 1, 4);
  });

  it('of the same template become one, the latest, and its pods stay', async () => {
    await makeSet('doubled', { updateStrategy: { type: 'OnDelete' } });
    const before = await podsFor('doubled', 'n1', 'n2');
    const [first] = await revisions('doubled', 1);
    await server.call('POST', REVISIONS, {
      metadata: {
        name: 'doubled-again',
        labels: { app: 'doubled', [HASH]: 'again' },
        ownerReferences: first!.metadata.ownerReferences,
      },
      data: first!.data,
      revision: 5,
    });
    // Something to do.
    await patch(`${SETS}/doubled`, { spec: { minReadySeconds: 1 } });
    const [kept] = await revisions('doubled', 5);
    expect(kept!.metadata.name).toBe('doubled-again');
    const after = await eventually(async () => {
      const found = await podsFor('doubled', 'n1', 'n2');
      return found.every(({ metadata }) => metadata.labels?.[HASH] === 'again') ? found : undefined;
    });
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
  });

  it('are adopted, labelled, and taken for the present one where they are of its template', async () => {
    const { spec } = await makeSet('adopting', {}, '?dryRun=All');
    await server.call('POST', REVISIONS, {
      metadata: { name: 'left-behind', labels: { app: 'adopting' } },
      data: templatePatch(spec.template),
      revision: 3,
    });
    const { metadata } = await makeSet('adopting');
    await podsFor('adopting', 'n1', 'n2');
    const [adopted] = await revisions('adopting', 3);
    expect(adopted!.metadata).toMatchObject({
      name: 'left-behind',
      labels: { [HASH]: 'left-behind' },
      ownerReferences: [{ kind: 'DaemonSet', uid: metadata.uid }],
    });
  });
});
