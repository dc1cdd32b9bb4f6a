/** PodDisruptionBudgets and evictions: upstream's test/e2e/apps/disruption.go, and kubectl drain, on a simulated node. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NamespacedKubectl } from '../e2e/harness.ts';
import { kubectlIn } from '../e2e/harness.ts';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, pod, startConformance } from './conformance.ts';

const LIMIT_MS = 60_000;

let cluster: Conformance;
let k: NamespacedKubectl;
let pods: string;
let budgets: string;

beforeAll(async () => {
  cluster = await startConformance();
  k = await kubectlIn(cluster, '35', 'disruption');
  pods = '/api/v1/namespaces/disruption/pods';
  budgets = '/apis/policy/v1/namespaces/disruption/poddisruptionbudgets';
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const budget = (app: string, spec: Json): Json => ({
  metadata: { name: app, labels: { 'test-budget': 'true' } },
  spec: { selector: { matchLabels: { app } }, ...spec },
});
const run = async (app: string, count: number): Promise<void> => {
  const names = Array.from({ length: count }, (_, index) => `${app}-${index}`);
  for (const name of names) await cluster.post(pods, pod(name, { labels: { app } }));
  for (const name of names)
    await eventually(`${name} to be ready`, async () => isReady(await cluster.get(`${pods}/${name}`)), LIMIT_MS);
};
const when = (name: string, what: string, check: (status: Json) => boolean): Promise<Json> =>
  eventually(
    `${name}: ${what}`,
    async () => {
      const { status, metadata } = await cluster.get(`${budgets}/${name}`);
      return status.observedGeneration === metadata.generation && check(status) && status;
    },
    LIMIT_MS,
  );
const allowed = (name: string, count: number): Promise<Json> =>
  when(name, `${count} allowed`, ({ disruptionsAllowed }) => disruptionsAllowed === count);
const evict = (name: string): ReturnType<Conformance['send']> =>
  cluster.send('POST', `${pods}/${name}/eviction`, {
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } },
  });

describe('a PodDisruptionBudget [W9]', () => {
  it('is listed and deleted by label [conformance: PodDisruptionBudget: list and delete collection]', async () => {
    const other = await cluster.namespace('other-budgets');
    for (const name of ['one', 'two', 'three']) await cluster.post(budgets, budget(name, { minAvailable: '1%' }));
    const elsewhere = `/apis/policy/v1/namespaces/${other}/poddisruptionbudgets`;
    await cluster.post(elsewhere, budget('four', { minAvailable: 1 }));
    const query = '?labelSelector=test-budget%3Dtrue';
    const names = async (path: string): Promise<string[]> =>
      (await cluster.get(path + query)).items.map(({ metadata }: Json) => metadata.name);
    expect((await names('/apis/policy/v1/poddisruptionbudgets')).sort()).toEqual(['four', 'one', 'three', 'two']);
    expect((await names(budgets)).sort()).toEqual(['one', 'three', 'two']);
    await cluster.remove(budgets + query);
    await eventually('none there', async () => (await names(budgets)).length === 0, LIMIT_MS);
    expect(await names(elsewhere)).toEqual(['four']);
    await cluster.remove(elsewhere + query);
  });

  it('is made, changed and deleted [conformance: PodDisruptionBudget: create, update, patch, and delete object]', async () => {
    const path = `${budgets}/changed`;
    await cluster.post(budgets, budget('changed', { minAvailable: 1 }));
    await when('changed', 'counted', () => true);
    await cluster.update(path, ({ spec }) => (spec.minAvailable = 2));
    await when('changed', 'counted again', ({ desiredHealthy }) => desiredHealthy === 2);
    await cluster.patch(path, { spec: { minAvailable: '10%' } }, 'strategic-merge');
    expect((await cluster.get(path)).spec.minAvailable).toBe('10%');
    await when('changed', 'counted as a share', ({ desiredHealthy }) => desiredHealthy === 0);
    await cluster.remove(path);
    await eventually('it to be gone', async () => (await cluster.send('GET', path)).status === 404, LIMIT_MS);
  });

  it('tells how many pods may go [conformance: PodDisruptionBudget: Status updates]', async () => {
    await cluster.post(budgets, budget('observed', { minAvailable: 1 }));
    await run('observed', 3);
    expect(await allowed('observed', 2)).toMatchObject({
      currentHealthy: 3,
      expectedPods: 3,
      desiredHealthy: 1,
      conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }],
    });
  });

  it('has a status of its own [conformance: PodDisruptionBudget: update and patch status]', async () => {
    await cluster.post(budgets, budget('status', { minAvailable: 1 }));
    await run('status', 1);
    await when('status', 'one healthy', ({ currentHealthy }) => currentHealthy === 1);
    const path = `${budgets}/status/status`;
    // Long past, so that the controller drops it: whoever writes it, it is the controller's to keep.
    const since = '2026-01-02T03:04:05Z';
    const updated = await cluster.update(path, ({ status }) => (status.disruptedPods = { 'status-0': since }));
    expect(updated.status.disruptedPods).toEqual({ 'status-0': since });
    await when('status', 'none disrupted', ({ disruptedPods }) => disruptedPods === undefined);
    const patched = await cluster.patch(path, { status: { disruptedPods: { 'status-0': since } } });
    expect(patched.status.disruptedPods).toEqual({ 'status-0': since });
    await when('status', 'none disrupted again', ({ disruptedPods }) => disruptedPods === undefined);
  });

  it('holds evictions back [conformance: PodDisruptionBudget: block an eviction until the PDB is updated to allow it]', async () => {
    await cluster.post(budgets, budget('blocked', { minAvailable: 3 }));
    await run('blocked', 3);
    await when('blocked', 'three healthy', ({ currentHealthy }) => currentHealthy === 3);
    const refused = await evict('blocked-0');
    expect([refused.status, refused.body]).toEqual([
      429,
      expect.objectContaining({
        reason: 'TooManyRequests',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        details: {
          causes: [
            {
              reason: 'DisruptionBudget',
              message: 'The disruption budget blocked needs 3 healthy pods and has 3 currently',
            },
          ],
        },
      }),
    ]);
    await cluster.patch(`${budgets}/blocked`, { spec: { minAvailable: 2 } });
    await allowed('blocked', 1);
    expect((await evict('blocked-0')).status).toBe(201);
    await cluster.patch(`${budgets}/blocked`, { spec: { minAvailable: 3 } });
    await allowed('blocked', 0);
    expect((await evict('blocked-1')).status).toBe(429);
    await cluster.remove(`${budgets}/blocked`);
    await eventually('the pod to be evicted', async () => (await evict('blocked-1')).status === 201, LIMIT_MS);
  });
});

describe('kubectl drain [D8]', () => {
  it('empties a node within the budgets', async () => {
    const template = {
      metadata: { labels: { app: 'drained' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'scratch', emptyDir: {} }],
      },
    };
    await cluster.post('/apis/apps/v1/namespaces/disruption/replicasets', {
      metadata: { name: 'drained' },
      spec: { replicas: 2, selector: { matchLabels: { app: 'drained' } }, template },
    });
    await cluster.post(budgets, budget('drained', { maxUnavailable: 0 }));
    expect(await when('drained', 'two healthy', ({ currentHealthy }) => currentHealthy === 2)).toMatchObject({
      desiredHealthy: 2,
      disruptionsAllowed: 0,
    });
    const drain = (...flags: string[]): ReturnType<NamespacedKubectl> =>
      k('drain', 'node-1', '--ignore-daemonsets', '--pod-selector=app=drained', ...flags);
    const refused = drain();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('cannot delete Pods with local storage (use --delete-emptydir-data to override)');
    const stuck = drain('--delete-emptydir-data', '--timeout=5s');
    expect(stuck.code).toBe(1);
    expect(stuck.stderr).toContain("Cannot evict pod as it would violate the pod's disruption budget.");
    await cluster.patch(`${budgets}/drained`, { spec: { maxUnavailable: 2 } });
    await allowed('drained', 2);
    const drained = drain('--delete-emptydir-data', '--timeout=60s');
    expect([drained.code, drained.stderr.includes('Cannot evict')]).toEqual([0, false]);
    expect(drained.stdout.match(/^pod\/drained-\S+ evicted$/gm)).toHaveLength(2);
    expect(drained.stdout).toContain('node/node-1 drained');
    // Those made for them find no node.
    await eventually(
      'two pods without a node',
      async () => {
        const { items } = await cluster.get(`${pods}?labelSelector=app%3Ddrained`);
        return items.filter(({ spec }: Json) => spec.nodeName === undefined).length === 2;
      },
      LIMIT_MS,
    );
    k.ok('uncordon', 'node-1');
    await when('drained', 'two healthy again', ({ currentHealthy }) => currentHealthy === 2);
  });
});

/** Last: what else runs on the node leaves with them. */
describe('a NoExecute taint', () => {
  const tolerating = (name: string, tolerationSeconds: number): Json =>
    pod(name, {
      labels: { app: 'tainted' },
      tolerations: [
        { key: 'kubernetes.io/e2e-evict-taint-key', value: 'evictTaintVal', effect: 'NoExecute', tolerationSeconds },
      ],
    });
  const TAINT = 'kubernetes.io/e2e-evict-taint-key=evictTaintVal:NoExecute';
  const started = async (name: string): Promise<void> =>
    void (await eventually(`${name} to be ready`, async () => isReady(await cluster.get(`${pods}/${name}`)), LIMIT_MS));

  const told = (message: string): Promise<Json> =>
    eventually(
      message,
      async () =>
        (await cluster.get('/api/v1/namespaces/disruption/events')).items.find(
          (event: Json) => event.message === message && event.source.component === 'taint-eviction-controller',
        ),
      LIMIT_MS,
    );

  it('has pods leave when their time is over [conformance: Pod Eviction, Toleration limits]', async () => {
    for (const [name, seconds] of Object.entries({ 'taint-eviction-b1': 1, 'taint-eviction-b2': 2 })) {
      await cluster.post(pods, tolerating(name, seconds));
      await started(name);
    }
    k.ok('taint', 'nodes', 'node-1', TAINT);
    for (const name of ['taint-eviction-b1', 'taint-eviction-b2'])
      await eventually(
        `${name} to be gone`,
        async () => (await cluster.send('GET', `${pods}/${name}`)).status === 404,
        LIMIT_MS,
      );
    for (const name of ['taint-eviction-b1', 'taint-eviction-b2'])
      await told(`Marking for deletion Pod disruption/${name}`);
    k.ok('taint', 'nodes', 'node-1', `${TAINT}-`);
  });

  it('spares pods when it goes in time [conformance: Taint, Pod Eviction on taint removal]', async () => {
    await cluster.post(pods, tolerating('taint-eviction-4', 3_600));
    await started('taint-eviction-4');
    k.ok('taint', 'nodes', 'node-1', TAINT);
    // Whoever does not tolerate it is gone: so it has been seen.
    await cluster.post(pods, pod('witness', { nodeName: 'node-1' }));
    await eventually(
      'the witness to be gone',
      async () => (await cluster.send('GET', `${pods}/witness`)).status === 404,
      LIMIT_MS,
    );
    k.ok('taint', 'nodes', 'node-1', `${TAINT}-`);
    await told('Cancelling deletion of Pod disruption/taint-eviction-4');
    const spared = await cluster.get(`${pods}/taint-eviction-4`);
    expect([spared.metadata.deletionTimestamp, isReady(spared)]).toEqual([undefined, true]);
  });
});
