import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ApiObjectList } from '../../api/machinery/meta.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { eventually, runControllers } from '../testing.ts';
import { revisionHash, revisionName, templatePatch } from '../controller-history/revisions.ts';
import { statefulSetController } from './stateful-set.ts';

const SETS = '/apis/apps/v1/namespaces/default/statefulsets';
const REVISIONS = '/apis/apps/v1/namespaces/default/controllerrevisions';
const PODS = '/api/v1/namespaces/default/pods';
const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [statefulSetController]);
});
afterAll(async () => {
  await stop();
  await server.close();
});

const patch = (url: string, body: object): Promise<unknown> =>
  server.send('PATCH', url, { body, contentType: 'application/merge-patch+json' });
const listOf = async <T>(url: string, app: string): Promise<T[]> =>
  (await server.call<ApiObjectList<T>>('GET', `${url}?labelSelector=app%3D${app}`)).items;

const claimTemplate = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};

function makeSet(name: string, spec: Partial<StatefulSet['spec']>): Promise<StatefulSet> {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
  return server.call('POST', SETS, {
    metadata: { name },
    spec: { replicas: 1, podManagementPolicy: 'Parallel', selector: { matchLabels: labels }, template, ...spec },
  });
}
const podNames = async (app: string): Promise<(string | undefined)[]> =>
  (await listOf<Pod>(PODS, app)).map(({ metadata }) => metadata.name);
const pods = (app: string, ...names: string[]): Promise<true> =>
  eventually(async () => ((await podNames(app)).join() === names.join() ? true : undefined));
const ownersOf = async (name: string): Promise<string[]> => {
  const claim = await server.call<PersistentVolumeClaim>('GET', `${CLAIMS}/${name}`);
  return (claim.metadata.ownerReferences ?? []).map((owner) => `${owner.kind}/${owner.name}`);
};
const owners = (name: string, ...wanted: string[]): Promise<true> =>
  eventually(async () => ((await ownersOf(name)).join() === wanted.join() ? true : undefined));

describe('claims of a StatefulSet', () => {
  it('are made with its pods, and owned as the retention policy says, whenever that changes', async () => {
    await makeSet('kept', {
      replicas: 2,
      volumeClaimTemplates: [claimTemplate],
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
    } as object);
    await pods('kept', 'kept-0', 'kept-1');
    expect((await listOf<PersistentVolumeClaim>(CLAIMS, 'kept')).map(({ metadata }) => metadata.name)).toEqual([
      'data-kept-0',
      'data-kept-1',
    ]);
    await owners('data-kept-0', 'StatefulSet/kept');
    await patch(`${SETS}/kept`, { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' } } });
    await owners('data-kept-0');
    await owners('data-kept-1');
  });

  it('go to the pods that go, before those do, when claims are deleted with them', async () => {
    await makeSet('given', {
      replicas: 2,
      volumeClaimTemplates: [claimTemplate],
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
    } as object);
    await pods('given', 'given-0', 'given-1');
    await patch(`${SETS}/given`, { spec: { replicas: 1 } });
    await pods('given', 'given-0');
    expect(await ownersOf('data-given-0')).toEqual(['StatefulSet/given']);
    expect(await ownersOf('data-given-1')).toEqual(['Pod/given-1']);

    // No garbage collector runs here: until the claim goes, no pod may take it.
    await patch(`${SETS}/given`, { spec: { replicas: 3 } });
    await pods('given', 'given-0', 'given-2');
    await patch(`${CLAIMS}/data-given-1`, { metadata: { finalizers: null } });
    await server.call('DELETE', `${CLAIMS}/data-given-1`);
    await pods('given', 'given-0', 'given-1', 'given-2');
    expect(await ownersOf('data-given-1')).toEqual(['StatefulSet/given']);
  });
});

describe('pods of a StatefulSet', () => {
  it('are adopted by their labels and names', async () => {
    const labels = { app: 'adopting' };
    for (const name of ['adopting-0', 'adopting-x'])
      await server.call('POST', PODS, {
        metadata: { name, labels },
        spec: { containers: [{ name: 'c', image: 'i:1' }] },
      });
    const { metadata } = await makeSet('adopting', { updateStrategy: { type: 'OnDelete' } } as object);
    const controllersOf = async (): Promise<(string | undefined)[]> =>
      (await listOf<Pod>(PODS, 'adopting')).map((pod) => pod.metadata.ownerReferences?.[0]?.uid);
    await eventually(async () => ((await controllersOf())[0] === metadata.uid ? true : undefined));
    expect(await controllersOf()).toEqual([metadata.uid, undefined]);
  });

  it('come back whatever somebody does to their labels', async () => {
    await makeSet('stripped', {});
    await pods('stripped', 'stripped-0');
    await patch(`${PODS}/stripped-0`, { metadata: { labels: { 'statefulset.kubernetes.io/pod-name': null } } });
    await eventually(async () => {
      const pod = await server.call<Pod>('GET', `${PODS}/stripped-0`);
      return pod.metadata.labels?.['statefulset.kubernetes.io/pod-name'] === 'stripped-0' ? true : undefined;
    });
  });
});

describe('revisions of a StatefulSet', () => {
  it('are named anew where the name is taken, which the status counts', async () => {
    const set = await server.call<StatefulSet>('POST', `${SETS}?dryRun=All`, {
      metadata: { name: 'colliding' },
      spec: {
        selector: { matchLabels: { app: 'colliding' } },
        template: { metadata: { labels: { app: 'colliding' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
      },
    });
    const data = templatePatch(set.spec.template);
    const taken = revisionName('colliding', revisionHash(data, 0));
    await server.call('POST', REVISIONS, { metadata: { name: taken }, data: { other: true }, revision: 1 });
    await makeSet('colliding', {});
    const { status } = await eventually(async () => {
      const found = await server.call<StatefulSet>('GET', `${SETS}/colliding`);
      return found.status?.updateRevision === undefined ? undefined : found;
    });
    expect(status).toMatchObject({
      collisionCount: 1,
      updateRevision: revisionName('colliding', revisionHash(data, 1)),
    });
  });

  it('are forgotten beyond the limit, but for those in use', async () => {
    await makeSet('forgetful', { revisionHistoryLimit: 1, updateStrategy: { type: 'OnDelete' } } as object);
    await pods('forgetful', 'forgetful-0');
    const numbers = async (): Promise<number[]> =>
      (await listOf<ControllerRevision>(REVISIONS, 'forgetful')).map(({ revision }) => revision).sort();
    for (let image = 2; image <= 4; image++) {
      await patch(`${SETS}/forgetful`, {
        spec: { template: { spec: { containers: [{ name: 'c', image: `i:${image}` }] } } },
      });
      await eventually(async () => ((await numbers()).includes(image) ? true : undefined));
    }
    // The pod is of the first, the fourth is to come, and one more is remembered.
    await eventually(async () => ((await numbers()).join() === '1,3,4' ? true : undefined));
  });

  it('are adopted, when a set is made again over what it left', async () => {
    const { metadata } = await makeSet('orphaning', {});
    await pods('orphaning', 'orphaning-0');
    const [left] = await listOf<ControllerRevision>(REVISIONS, 'orphaning');
    await patch(`${REVISIONS}/${left!.metadata.name}`, { metadata: { ownerReferences: null } });
    await eventually(async () => {
      const [found] = await listOf<ControllerRevision>(REVISIONS, 'orphaning');
      return found!.metadata.ownerReferences?.[0]?.uid === metadata.uid ? true : undefined;
    });
  });
});
