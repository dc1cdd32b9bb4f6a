/**
 * StatefulSets, DaemonSets and their ControllerRevisions: upstream's test/e2e/apps statefulset.go, daemon_set.go and
 * controller_revision.go, on three simulated nodes. A readiness gate stands for the probes that upstream breaks.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json, WatchEvent } from './conformance.ts';
import { eventually, isReady, startConformance } from './conformance.ts';

const LIMIT_MS = 60_000;
const HASH = 'controller-revision-hash';
const GATE = 'test/healthy';

let cluster: Conformance;
let core: string;
let apps: string;

beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'simulated', '--simulated-nodes', '2']);
  const namespace = await cluster.namespace('sets');
  core = `/api/v1/namespaces/${namespace}`;
  apps = `/apis/apps/v1/namespaces/${namespace}`;
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const workload = (name: string, { gated = false, ...spec }: Json = {}): Json => ({
  metadata: { name, labels: { app: name } },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'c', image: 'app:1' }],
        ...(gated ? { readinessGates: [{ conditionType: GATE }] } : {}),
      },
    },
    ...spec,
  },
});
const setImage = (path: string, image: string): Promise<Json> =>
  cluster.patch(path, { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } }, 'strategic-merge');
const byLabel = (app: string): string => `?labelSelector=app%3D${app}`;
const podsOf = async (app: string): Promise<Json[]> => (await cluster.get(`${core}/pods${byLabel(app)}`)).items;
const revisionsOf = async (app: string): Promise<Json[]> =>
  (await cluster.get(`${apps}/controllerrevisions${byLabel(app)}`)).items;
const nameOf = ({ metadata }: Json): string => metadata.name;
const imageOf = ({ spec }: Json): string => spec.containers[0].image;
const isGoing = ({ metadata }: Json): boolean => metadata.deletionTimestamp !== undefined;
const when = (path: string, what: string, check: (object: Json) => boolean): Promise<Json> =>
  eventually(
    `${path.split('/').at(-1)} to have ${what}`,
    async () => {
      const object = await cluster.get(path);
      return object.status?.observedGeneration >= object.metadata.generation && check(object) && object;
    },
    LIMIT_MS,
  );
/** The controller has seen the present spec, and done what there was to do. */
const observed = (path: string): Promise<Json> => when(path, 'been seen', () => true);
const noPods = (app: string): Promise<boolean> =>
  eventually(`no pods of ${app}`, async () => (await podsOf(app)).length === 0, LIMIT_MS);
const condition = (type: string): Json => ({ type, status: 'True', reason: 'E2E', message: 'Set from e2e test' });
const typesOf = ({ status }: Json): string[] => status.conditions.map(({ type }: Json) => type);

/** Kubelet fails the pod, as it does with one that it refuses or evicts. */
const failPod = (name: string): Promise<Json> =>
  cluster.patch(`${core}/pods/${name}`, { spec: { activeDeadlineSeconds: 1 } });

async function setHealth(pods: readonly Json[], status: 'True' | 'False'): Promise<void> {
  for (const { metadata, status: { conditions = [] } = {} } of pods) {
    if (conditions.some((one: Json) => one.type === GATE && one.status === status)) continue;
    const body = { status: { conditions: [{ type: GATE, status }] } };
    const { status: code } = await cluster.send('PATCH', `${core}/pods/${metadata.name}/status`, {
      body,
      type: 'application/strategic-merge-patch+json',
    });
    // It may have gone meanwhile.
    expect([200, 404]).toContain(code);
  }
}

/** The first so many events of the type, once they have come: names of their objects. */
const namesIn = async (events: readonly WatchEvent[], type: string, count: number): Promise<string[]> => {
  const found = (): WatchEvent[] => events.filter((event) => event.type === type);
  await eventually(`${count} events ${type}`, () => found().length >= count, LIMIT_MS);
  return found().map(({ object }) => nameOf(object));
};

describe('a StatefulSet [W5]', () => {
  const path = (name: string): string => `${apps}/statefulsets/${name}`;
  const create = (name: string, spec: Json = {}): Promise<Json> =>
    cluster.post(`${apps}/statefulsets`, workload(name, { serviceName: name, ...spec }));
  const scale = (name: string, replicas: number): Promise<Json> => cluster.patch(path(name), { spec: { replicas } });
  const ready = (name: string, count: number): Promise<Json> =>
    when(
      path(name),
      `${count} ready`,
      ({ status }) => (status.readyReplicas ?? 0) === count && status.replicas >= count,
    );
  const updated = (name: string, count: number): Promise<Json> =>
    when(
      path(name),
      `${count} updated`,
      ({ status, spec }) => (status.updatedReplicas ?? 0) === count && status.availableReplicas === spec.replicas,
    );
  const healed = (name: string, count: number): Promise<boolean> =>
    eventually(
      `${count} healthy pods of ${name}`,
      async () => {
        await setHealth(await podsOf(name), 'True');
        const { status } = await cluster.get(path(name));
        return (status.readyReplicas ?? 0) === count && status.replicas === count;
      },
      LIMIT_MS,
    );
  const broken = async (name: string): Promise<void> => {
    await setHealth(await podsOf(name), 'False');
    await ready(name, 0);
  };
  const revisionLabels = async (name: string): Promise<string[]> =>
    (await podsOf(name)).map(({ metadata }) => metadata.labels[HASH]);

  it('grows and shrinks in order, and waits for the unhealthy [conformance: StatefulSet, Scaling]', async () => {
    const watch = await cluster.watch(`${core}/pods`, { labelSelector: 'app=ordered' });
    await create('ordered', { replicas: 1, gated: true });
    await healed('ordered', 1);
    await broken('ordered');
    await scale('ordered', 3);
    expect((await observed(path('ordered'))).status.replicas).toBe(1);
    expect((await podsOf('ordered')).map(nameOf)).toEqual(['ordered-0']);
    await healed('ordered', 3);
    expect(await namesIn(watch.events, 'ADDED', 3)).toEqual(['ordered-0', 'ordered-1', 'ordered-2']);

    await broken('ordered');
    await scale('ordered', 0);
    await observed(path('ordered'));
    expect((await podsOf('ordered')).filter((pod) => !isGoing(pod))).toHaveLength(3);
    await healed('ordered', 0);
    expect(await namesIn(watch.events, 'DELETED', 3)).toEqual(['ordered-2', 'ordered-1', 'ordered-0']);
    watch.stop();
  });

  it('grows and shrinks at once with unhealthy pods [conformance: StatefulSet, Burst Scaling]', async () => {
    await create('burst', { replicas: 1, gated: true, podManagementPolicy: 'Parallel' });
    await healed('burst', 1);
    await broken('burst');
    await scale('burst', 3);
    await when(path('burst'), '3 unhealthy pods', ({ status }) => status.replicas === 3);
    expect((await podsOf('burst')).some(isReady)).toBe(false);
    await scale('burst', 0);
    await noPods('burst');
  });

  it('makes a pod again that has failed [conformance: StatefulSet, Recreate Failed Pod]', async () => {
    await create('failing', { replicas: 1 });
    await ready('failing', 1);
    const [before] = await podsOf('failing');
    await failPod('failing-0');
    await eventually(
      'another pod of the name',
      async () => {
        const [pod] = await podsOf('failing');
        return pod !== undefined && pod.metadata.uid !== before.metadata.uid && isReady(pod);
      },
      LIMIT_MS,
    );
  });

  it('has a scale [conformance: StatefulSet resource Replica scaling]', async () => {
    await create('scaled', { replicas: 1 });
    await ready('scaled', 1);
    const found = await cluster.get(`${path('scaled')}/scale`);
    expect(found).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 1 },
      status: { replicas: 1, selector: 'app=scaled' },
    });
    await cluster.put(`${path('scaled')}/scale`, {
      ...found,
      metadata: { ...found.metadata, resourceVersion: '' },
      spec: { replicas: 2 },
    });
    expect((await cluster.get(path('scaled'))).spec.replicas).toBe(2);
    await cluster.patch(`${path('scaled')}/scale`, { spec: { replicas: 4 } });
    await ready('scaled', 4);
  });

  it('updates its pods from the last, and goes back [conformance: StatefulSet, Rolling Update]', async () => {
    await create('rolling', { replicas: 3 });
    const { status: first } = await ready('rolling', 3);
    expect(first.currentRevision).toBe(first.updateRevision);
    expect(await revisionLabels('rolling')).toEqual(Array(3).fill(first.currentRevision));

    const watch = await cluster.watch(`${core}/pods`, { labelSelector: 'app=rolling' });
    await setImage(path('rolling'), 'app:2');
    const { status: second } = await updated('rolling', 3);
    expect(second.updateRevision).not.toBe(first.updateRevision);
    expect(second.currentRevision).toBe(second.updateRevision);
    expect((await podsOf('rolling')).map(imageOf)).toEqual(['app:2', 'app:2', 'app:2']);
    expect(await namesIn(watch.events, 'DELETED', 3)).toEqual(['rolling-2', 'rolling-1', 'rolling-0']);
    watch.stop();

    await setImage(path('rolling'), 'app:1');
    const { status: third } = await updated('rolling', 3);
    expect([third.updateRevision, third.currentRevision]).toEqual([first.updateRevision, first.updateRevision]);
    expect((await revisionsOf('rolling')).map(({ revision }) => revision).sort()).toEqual([2, 3]);
  });

  it('updates above a partition, in phases [conformance: StatefulSet, Rolling Update with Partition]', async () => {
    const strategy = (partition: number): Json => ({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
    });
    await create('phased', { replicas: 3, ...strategy(3) });
    const { status: before } = await ready('phased', 3);
    await setImage(path('phased'), 'app:2');
    const { status: after } = await observed(path('phased'));
    const [old, next] = [before.currentRevision, after.updateRevision];
    expect([after.currentRevision, next === old]).toEqual([old, false]);
    expect(await revisionLabels('phased')).toEqual([old, old, old]);

    await cluster.patch(path('phased'), { spec: strategy(2) });
    await updated('phased', 1);
    expect(await revisionLabels('phased')).toEqual([old, old, next]);

    const uids = (await podsOf('phased')).map(({ metadata }) => metadata.uid);
    await cluster.remove(`${core}/pods/phased-0`);
    await cluster.remove(`${core}/pods/phased-2`);
    await eventually(
      'both pods to be back',
      async () => {
        const found = await podsOf('phased');
        const isOther = (i: number): boolean => found[i].metadata.uid !== uids[i];
        return found.length === 3 && found.every((pod) => isReady(pod) && !isGoing(pod)) && isOther(0) && isOther(2);
      },
      LIMIT_MS,
    );
    expect(await revisionLabels('phased')).toEqual([old, old, next]);

    await cluster.patch(path('phased'), { spec: strategy(1) });
    await updated('phased', 2);
    expect(await revisionLabels('phased')).toEqual([old, next, next]);
    await cluster.patch(path('phased'), { spec: strategy(0) });
    expect((await updated('phased', 3)).status.currentRevision).toBe(next);
  });

  it('is listed, patched and deleted by label [conformance: StatefulSet, list, patch and delete a collection of StatefulSets]', async () => {
    await create('collected', { replicas: 1 });
    await ready('collected', 1);
    const everywhere = `/apis/apps/v1/statefulsets${byLabel('collected')}`;
    expect((await cluster.get(everywhere)).items.map(nameOf)).toEqual(['collected']);
    await cluster.patch(
      path('collected'),
      {
        metadata: { labels: { 'test-ss': 'patched' } },
        spec: { replicas: 2, template: { spec: { containers: [{ name: 'c', image: 'app:2' }] } } },
      },
      'strategic-merge',
    );
    const patched = await updated('collected', 2);
    expect([patched.metadata.labels['test-ss'], (await podsOf('collected')).map(imageOf)]).toEqual([
      'patched',
      ['app:2', 'app:2'],
    ]);
    await cluster.remove(`${apps}/statefulsets${byLabel('collected')}`);
    await eventually('no StatefulSet', async () => (await cluster.get(everywhere)).items.length === 0);
    await noPods('collected');
  });

  it('has a status of its own [conformance: StatefulSet, status sub-resource]', async () => {
    await create('status', { replicas: 1 });
    await ready('status', 1);
    const status = `${path('status')}/status`;
    await cluster.update(status, (object) => (object.status.conditions = [condition('StatusUpdate')]));
    expect(typesOf(await cluster.get(status))).toEqual(['StatusUpdate']);
    await cluster.patch(status, { status: { conditions: [condition('StatusPatched')] } });
    await scale('status', 2);
    await ready('status', 2);
    expect(typesOf(await cluster.get(status))).toEqual(['StatusPatched']);
  });
});

describe('a DaemonSet [W6]', () => {
  const NODES = 3;
  const path = (name: string): string => `${apps}/daemonsets/${name}`;
  const create = (name: string, spec: Json = {}): Promise<Json> =>
    cluster.post(`${apps}/daemonsets`, workload(name, spec));
  const running = (name: string, count = NODES): Promise<Json> =>
    when(
      path(name),
      `${count} available`,
      ({ status }) =>
        status.desiredNumberScheduled === count &&
        (status.numberAvailable ?? 0) === count &&
        (status.updatedNumberScheduled ?? 0) === count,
    );
  const allNodes = async (): Promise<string[]> => (await cluster.get('/api/v1/nodes')).items.map(nameOf).sort();
  /** One ready pod on each of these nodes, and none that goes. */
  const runningOn = (name: string, nodes: readonly string[]): Promise<Json[]> =>
    eventually(
      `${name} to run on ${nodes.join(', ')}`,
      async () => {
        const found = await podsOf(name);
        const names = found.map(({ spec }) => spec.nodeName).sort();
        return found.every((pod) => isReady(pod) && !isGoing(pod)) && names.join() === nodes.join() && found;
      },
      LIMIT_MS,
    );

  it('runs on every node, and again where a pod was deleted [conformance: DaemonSet-Creation]', async () => {
    await create('simple');
    await running('simple');
    const [deleted] = await runningOn('simple', await allNodes());
    await cluster.remove(`${core}/pods/${nameOf(deleted)}`);
    await eventually('the pod to be gone', async () => !(await podsOf('simple')).map(nameOf).includes(nameOf(deleted)));
    await runningOn('simple', await allNodes());
    await running('simple');
  });

  it('runs where a label says so [conformance: DaemonSet-NodeSelection]', async () => {
    const [node] = await allNodes();
    const color = (value: string | null): Promise<Json> =>
      cluster.patch(`/api/v1/nodes/${node}`, { metadata: { labels: { color: value } } });
    try {
      const object = workload('selected');
      object.spec.template.spec.nodeSelector = { color: 'blue' };
      await cluster.post(`${apps}/daemonsets`, object);
      expect((await observed(path('selected'))).status.desiredNumberScheduled).toBe(0);
      expect(await podsOf('selected')).toEqual([]);
      await color('blue');
      await running('selected', 1);
      await runningOn('selected', [node!]);
      await color('green');
      await noPods('selected');
      await cluster.patch(path('selected'), { spec: { template: { spec: { nodeSelector: { color: 'green' } } } } });
      await running('selected', 1);
      await runningOn('selected', [node!]);
    } finally {
      await color(null);
    }
  });

  it('makes a pod again that has failed [conformance: DaemonSet-FailedPodCreation]', async () => {
    await create('failing-daemon');
    await running('failing-daemon');
    const [failing] = await podsOf('failing-daemon');
    await failPod(nameOf(failing));
    await eventually(
      'the failed pod to be gone',
      async () => (await cluster.send('GET', `${core}/pods/${nameOf(failing)}`)).status === 404,
      LIMIT_MS,
    );
    await runningOn('failing-daemon', await allNodes());
    await running('failing-daemon');
  });

  it('updates its pods [conformance: DaemonSet-RollingUpdate]', async () => {
    await create('updated-daemon', { updateStrategy: { type: 'RollingUpdate' } });
    await running('updated-daemon');
    await setImage(path('updated-daemon'), 'app:2');
    await running('updated-daemon');
    const found = await runningOn('updated-daemon', await allNodes());
    expect(found.map(imageOf)).toEqual(['app:2', 'app:2', 'app:2']);
    const revisions = await revisionsOf('updated-daemon');
    expect(revisions.map(({ revision }) => revision).sort()).toEqual([1, 2]);
    const latest = revisions.find(({ revision }) => revision === 2);
    expect(found.map(({ metadata }) => metadata.labels[HASH])).toEqual(Array(3).fill(latest.metadata.labels[HASH]));
  });

  it('goes back without needless restarts [conformance: DaemonSet-Rollback]', async () => {
    await create('rolled-back', { updateStrategy: { type: 'RollingUpdate' } });
    await running('rolled-back');
    const before = await podsOf('rolled-back');
    // No pod of the next template gets ready.
    const gates = [{ conditionType: GATE }];
    await cluster.patch(
      path('rolled-back'),
      { spec: { template: { spec: { readinessGates: gates, containers: [{ name: 'c', image: 'app:2' }] } } } },
      'strategic-merge',
    );
    const untouched = await eventually(
      'the update to come to a halt',
      async () => {
        const found = await podsOf('rolled-back');
        const old = found.filter((pod) => imageOf(pod) === 'app:1');
        const isHalted = found.length === NODES && old.length === NODES - 1 && !found.some(isGoing);
        return isHalted && old.map(({ metadata }) => metadata.uid);
      },
      LIMIT_MS,
    );
    await cluster.patch(
      path('rolled-back'),
      {
        spec: { template: { spec: { readinessGates: null, containers: [{ name: 'c', image: 'app:1' }] } } },
      },
      'strategic-merge',
    );
    await running('rolled-back');
    const after = await runningOn('rolled-back', await allNodes());
    expect(after.map(imageOf)).toEqual(['app:1', 'app:1', 'app:1']);
    const kept = after.map(({ metadata }) => metadata.uid).filter((uid) => untouched.includes(uid));
    expect(kept.sort()).toEqual(untouched.sort());
    expect(before.map(({ metadata }) => metadata.uid)).toEqual(expect.arrayContaining(kept));
  });

  it('is listed and deleted by label [conformance: DaemonSet, list and delete a collection of DaemonSets]', async () => {
    await create('collected-daemon');
    await running('collected-daemon');
    const everywhere = `/apis/apps/v1/daemonsets${byLabel('collected-daemon')}`;
    expect((await cluster.get(everywhere)).items.map(nameOf)).toEqual(['collected-daemon']);
    await cluster.remove(`${apps}/daemonsets${byLabel('collected-daemon')}`);
    await eventually('no DaemonSet', async () => (await cluster.get(everywhere)).items.length === 0);
    await noPods('collected-daemon');
  });

  it('has a status of its own [conformance: DaemonSet, status sub-resource]', async () => {
    await create('daemon-status');
    await running('daemon-status');
    const status = `${path('daemon-status')}/status`;
    await cluster.update(status, (object) => (object.status.conditions = [condition('StatusUpdate')]));
    expect(typesOf(await cluster.get(status))).toEqual(['StatusUpdate']);
    await cluster.patch(status, { status: { conditions: [condition('StatusPatched')] } });
    expect(typesOf(await cluster.get(status))).toEqual(['StatusPatched']);
  });

  it('remembers its templates [conformance: ControllerRevision, resource lifecycle]', async () => {
    const revisions = `${apps}/controllerrevisions`;
    const counted = (count: number): Promise<Json[]> =>
      eventually(
        `${count} ControllerRevisions`,
        async () => {
          const found = await revisionsOf('remembered');
          return found.length === count && found;
        },
        LIMIT_MS,
      );
    // No node wants it: what its pods do would wake the controller, which drops duplicates when it is awake.
    const object = workload('remembered');
    object.spec.template.spec.nodeSelector = { nosuch: 'node' };
    await cluster.post(`${apps}/daemonsets`, object);
    await running('remembered', 0);
    const [initial] = await counted(1);
    const [listed] = (await cluster.get(`/apis/apps/v1/controllerrevisions${byLabel('remembered')}`)).items;
    expect(nameOf(listed)).toBe(nameOf(initial));
    const { metadata } = await cluster.patch(`${revisions}/${nameOf(initial)}`, {
      metadata: { labels: { mine: 'patched' } },
    });
    expect(metadata.labels.mine).toBe('patched');

    const labels = { app: 'remembered', [HASH]: 'another' };
    await cluster.post(revisions, {
      metadata: { name: 'remembered-another', labels, ownerReferences: initial.metadata.ownerReferences },
      data: initial.data,
      revision: initial.revision + 1,
    });
    await counted(2);
    await cluster.remove(`${revisions}/${nameOf(initial)}`);
    expect((await counted(1)).map(nameOf)).toEqual(['remembered-another']);
    await cluster.update(`${revisions}/remembered-another`, (object) => (object.metadata.labels.mine = 'updated'));
    expect((await cluster.get(`${revisions}/remembered-another`)).metadata.labels.mine).toBe('updated');

    await cluster.patch(path('remembered'), { spec: { template: { spec: { terminationGracePeriodSeconds: 2 } } } });
    await counted(2);
    await cluster.remove(`${revisions}?labelSelector=mine%3Dupdated`);
    expect((await counted(1)).map(({ revision }) => revision)).toEqual([3]);
  });
});
