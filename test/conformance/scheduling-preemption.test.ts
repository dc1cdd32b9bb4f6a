/** Who has to go for whom: upstream's test/e2e/scheduling/preemption.go, with pods that really run. Needs root. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, isRoot, pod, startConformance } from './conformance.ts';

const suite = isRoot ? describe : describe.skip;
const RESOURCE = 'example.com/fakecpu';
const PRIORITIES = { p1: 1, p2: 2, p3: 3, p4: 4, low: 1, middle: 100, high: 1000 };

let cluster: Conformance;
let namespace: string;
let pods: string;

beforeAll(async () => {
  if (!isRoot) return;
  cluster = await startConformance([]);
  // A resource that only these pods ask for: what else runs on the node does not matter.
  const amounts = { [RESOURCE]: '10' };
  await cluster.patch('/api/v1/nodes/node-1/status', { status: { capacity: amounts, allocatable: amounts } });
  for (const [name, value] of Object.entries(PRIORITIES))
    await cluster.post('/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name }, value });
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);
afterEach(async () => {
  if (isRoot && pods !== undefined) await cluster.remove(pods);
});

async function inNamespace(prefix: string): Promise<void> {
  namespace = await cluster.namespace(prefix);
  pods = `/api/v1/namespaces/${namespace}/pods`;
}

const asking = (amount: number): Json => ({
  resources: { requests: { [RESOURCE]: String(amount) }, limits: { [RESOURCE]: String(amount) } },
});
const podOf = (name: string, priorityClassName: string, amount: number): Json =>
  pod(name, { priorityClassName, container: asking(amount) });

const ready = (path: string): Promise<Json> =>
  eventually(`${path} to be ready`, async () => {
    const object = await cluster.get(path);
    return isReady(object) && object;
  });

const isGone = async (path: string, uid: string): Promise<boolean> => {
  const { status, body } = await cluster.send('GET', path);
  return status === 404 || body.metadata.uid !== uid || body.metadata.deletionTimestamp !== undefined;
};

suite('preemption', () => {
  it('makes room for a pod of higher priority, and takes the lowest [conformance: Scheduler, Basic Preemption]', async () => {
    await inNamespace('basic');
    const lowest = await cluster.post(pods, podOf('lowest', 'low', 5));
    await cluster.post(pods, podOf('middle', 'middle', 5));
    await ready(`${pods}/lowest`);
    await ready(`${pods}/middle`);
    await cluster.post(pods, podOf('preemptor', 'high', 5));
    await ready(`${pods}/preemptor`);
    expect(await isGone(`${pods}/lowest`, lowest.metadata.uid)).toBe(true);
    expect((await cluster.get(`${pods}/middle`)).metadata.deletionTimestamp).toBeUndefined();
  });

  it('makes room for a critical pod [conformance: Scheduler, Preemption for critical pod]', async () => {
    await inNamespace('critical');
    const lowest = await cluster.post(pods, podOf('lowest', 'low', 6));
    await ready(`${pods}/lowest`);
    const system = '/api/v1/namespaces/kube-system/pods';
    await cluster.post(system, podOf('critical', 'system-cluster-critical', 6));
    try {
      await ready(`${system}/critical`);
      expect(await isGone(`${pods}/lowest`, lowest.metadata.uid)).toBe(true);
    } finally {
      await cluster.remove(`${system}/critical`);
    }
    await eventually('the critical pod to be gone', async () => {
      return (await cluster.send('GET', `${system}/critical`)).status === 404;
    });
  });

  it('marks the pod that goes [conformance: Verify the DisruptionTarget condition is added to the preempted pod]', async () => {
    await inNamespace('marked');
    const victim = podOf('victim', 'low', 8);
    victim.metadata.finalizers = ['example.com/test-finalizer'];
    await cluster.post(pods, victim);
    try {
      await ready(`${pods}/victim`);
      await cluster.post(pods, podOf('preemptor', 'high', 8));
      const marked = await eventually('the victim to be deleted', async () => {
        const object = await cluster.get(`${pods}/victim`);
        return object.metadata.deletionTimestamp !== undefined && object;
      });
      const condition = marked.status.conditions.find(({ type }: Json) => type === 'DisruptionTarget');
      expect(condition).toMatchObject({ status: 'True', reason: 'PreemptionByScheduler' });
    } finally {
      await cluster.patch(`${pods}/victim`, { metadata: { finalizers: null } });
    }
    await ready(`${pods}/preemptor`);
  });

  it('takes pods of ReplicaSets by priority [conformance: Pod preemption verification]', async () => {
    await inNamespace('path');
    const sets = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
    const create = (name: string, replicas: number, amount: number): Promise<Json> => {
      const matchLabels = { name };
      const { spec } = podOf(name, name, amount);
      const template = { metadata: { labels: matchLabels }, spec };
      return cluster.post(sets, { metadata: { name }, spec: { replicas, selector: { matchLabels }, template } });
    };
    const counted = async (name: string): Promise<number> => {
      const { status } = await cluster.get(`${sets}/${name}`);
      return status.readyReplicas ?? 0;
    };
    // 5 + 2 * 2 of 10; the third does not fit without pods of the first.
    await create('p1', 5, 1);
    await eventually('the first set to be ready', async () => (await counted('p1')) === 5);
    await create('p2', 2, 2);
    await eventually('the second set to be ready', async () => (await counted('p2')) === 2);
    await create('p3', 1, 3);
    await eventually('the third set to be ready', async () => (await counted('p3')) === 1);
    expect(await counted('p2')).toBe(2);
    await create('p4', 1, 4);
    await eventually('the fourth set to be ready', async () => (await counted('p4')) === 1);
    expect(await counted('p3')).toBe(1);
    // What is left of the first two sets is as many as there is room for: 10 - 3 - 4 = 3.
    const { items } = await cluster.get(pods);
    const present = items.filter((object: Json) => isReady(object) && object.metadata.deletionTimestamp === undefined);
    const left = present.map((object: Json) => object.metadata.labels.name).sort();
    expect(left.filter((name: string) => name === 'p3' || name === 'p4')).toEqual(['p3', 'p4']);
    for (const name of ['p1', 'p2', 'p3', 'p4']) await cluster.remove(`${sets}/${name}`);
  });
});
