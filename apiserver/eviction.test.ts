import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Status } from '../api/machinery/errors.ts';
import type { PodDisruptionBudget } from '../api/policy/v1/pod-disruption-budget.ts';
import type { TestResponse, TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** A running pod, ready or not. */
async function run(name: string, app: string, ready = true): Promise<void> {
  await server.call('POST', PODS, {
    metadata: { name, labels: { app } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'i:1' }] },
  });
  const body = {
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
  await server.send('PATCH', `${PODS}/${name}/status`, { body, contentType: 'application/merge-patch+json' });
}

async function allow(app: string, status: object, spec: object = {}): Promise<void> {
  await server.call('POST', BUDGETS, {
    metadata: { name: app },
    spec: { selector: { matchLabels: { app } }, minAvailable: 1, ...spec },
  });
  const body = { status: { observedGeneration: 1, ...status } };
  await server.send('PATCH', `${BUDGETS}/${app}/status`, { body, contentType: 'application/merge-patch+json' });
}

const evict = (name: string, extra: object = {}): Promise<TestResponse> =>
  server.send('POST', `${PODS}/${name}/eviction`, { body: { metadata: { name }, ...extra } });
const conditionsOf = ({ status }: Pod): string[] => (status?.conditions ?? []).map(({ type }) => type);
const exists = async (name: string): Promise<boolean> => (await server.send('GET', `${PODS}/${name}`)).status === 200;

describe('an eviction [A25]', () => {
  it('is a deletion where no budget covers the pod', async () => {
    await run('free', 'free');
    expect((await evict('free')).status).toBe(201);
    expect(await exists('free')).toBe(false);
  });

  it('is counted, and refused when nothing is left', async () => {
    await run('a-1', 'a');
    await run('a-2', 'a');
    await allow('a', { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 2, expectedPods: 2 });
    expect((await evict('a-1', { deleteOptions: { dryRun: ['All'] } })).status).toBe(201);
    expect((await evict('a-1')).status).toBe(201);
    const { status } = await server.call<PodDisruptionBudget>('GET', `${BUDGETS}/a`);
    expect(status).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { 'a-1': expect.any(String) },
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
    });
    const refused = await evict('a-2');
    expect(refused.status).toBe(429);
    expect(refused.body as Status).toMatchObject({
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          { reason: 'DisruptionBudget', message: 'The disruption budget a needs 2 healthy pods and has 2 currently' },
        ],
      },
    });
    expect(await exists('a-2')).toBe(true);
  });

  it('waits for a budget that nobody has looked at', async () => {
    await run('b-1', 'b');
    await allow('b', { observedGeneration: 0, disruptionsAllowed: 1 });
    expect((await evict('b-1')).body).toMatchObject({
      code: 429,
      details: {
        causes: [{ message: 'The disruption budget b is still being processed by the server.' }],
        retryAfterSeconds: 10,
      },
    });
  });

  it('of a pod that is not ready follows the policy', async () => {
    await run('c-1', 'c', false);
    await allow('c', { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 });
    expect((await evict('c-1')).status).toBe(201);
    await run('d-1', 'd', false);
    await allow('d', { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 1 });
    expect((await evict('d-1')).status).toBe(429);
    await run('e-1', 'e', false);
    await allow('e', { disruptionsAllowed: 0, desiredHealthy: 1 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    expect((await evict('e-1')).status).toBe(201);
  });

  it('does not choose between two budgets', async () => {
    await run('f-1', 'f');
    await allow('f', { disruptionsAllowed: 1 });
    await server.call('POST', BUDGETS, {
      metadata: { name: 'all-f' },
      spec: { selector: { matchLabels: { app: 'f' } } },
    });
    expect(await evict('f-1')).toMatchObject({
      status: 500,
      body: {
        message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      },
    });
  });

  it('leaves a note on the pod', async () => {
    await run('g-1', 'g');
    await server.send('PATCH', `${PODS}/g-1`, {
      body: { metadata: { finalizers: ['example.com/hold'] } },
      contentType: 'application/merge-patch+json',
    });
    const dryRun = await evict('g-1', { deleteOptions: { dryRun: ['All'] } });
    expect(dryRun.status).toBe(201);
    const before = await server.call<Pod>('GET', `${PODS}/g-1`);
    expect(conditionsOf(before)).toEqual(['Ready']);
    expect((await evict('g-1')).status).toBe(201);
    const held = await server.call<Pod>('GET', `${PODS}/g-1`);
    expect(held.metadata.deletionTimestamp).toBeDefined();
    expect(held.status?.conditions?.at(-1)).toEqual({
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      observedGeneration: 1,
      lastTransitionTime: expect.any(String),
    });
    // A pod that goes already is evicted again without a word.
    expect((await evict('g-1')).status).toBe(201);
  });

  it('demands what the client demands of the pod', async () => {
    await run('h-1', 'h');
    const { metadata } = await server.call<Pod>('GET', `${PODS}/h-1`);
    const demand = (preconditions: object): Promise<TestResponse> => evict('h-1', { deleteOptions: { preconditions } });
    expect(await demand({ uid: 'another' })).toMatchObject({
      status: 409,
      body: {
        message: expect.stringMatching(
          /^Operation cannot be fulfilled on Pod "h-1": the UID in the precondition \(another\) does not match the UID in record \(\S+\)\. /,
        ),
      },
    });
    expect((await demand({ resourceVersion: '1' })).body).toMatchObject({
      code: 409,
      message: expect.stringContaining('the ResourceVersion in the precondition (1) does not match'),
    });
    expect(conditionsOf(await server.call<Pod>('GET', `${PODS}/h-1`))).toEqual(['Ready']);
    const { uid, resourceVersion } = metadata;
    expect((await demand({ uid, resourceVersion })).status).toBe(201);
    expect(await exists('h-1')).toBe(false);
  });

  it('of a pod that does not serve asks no budget', async () => {
    await run('i-1', 'i');
    await allow('i', { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 });
    for (const phase of ['Pending', 'Succeeded', 'Failed']) {
      const name = `i-${phase.toLowerCase()}`;
      await server.call('POST', PODS, {
        metadata: { name, labels: { app: 'i' } },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'i:1' }] },
      });
      await server.send('PATCH', `${PODS}/${name}/status`, {
        body: { status: { phase } },
        contentType: 'application/merge-patch+json',
      });
      expect([phase, (await evict(name)).status]).toEqual([phase, 201]);
    }
    expect((await evict('i-1')).status).toBe(429);
  });

  it('is refused in the words of what failed', async () => {
    await run('j-1', 'j');
    const cause = async (status: object): Promise<unknown> => {
      const body = { status: { observedGeneration: 1, disruptionsAllowed: 0, ...status } };
      await server.send('PATCH', `${BUDGETS}/j/status`, { body, contentType: 'application/merge-patch+json' });
      const refused = (await evict('j-1')).body as Status;
      return [refused.code, refused.details?.causes?.[0]?.message];
    };
    await allow('j', {});
    const conditions = (reason: string): object[] => [
      {
        type: 'DisruptionAllowed',
        status: 'False',
        reason,
        message: 'no scale',
        lastTransitionTime: '2026-01-02T03:04:05Z',
      },
    ];
    const current = 'The disruption budget j does not allow evicting pods currently';
    const healthy = { currentHealthy: 2, desiredHealthy: 1 };
    expect(await cause({ ...healthy, conditions: conditions('SyncFailed') })).toEqual([
      429,
      `${current} because it failed sync: no scale`,
    ]);
    expect(await cause({ ...healthy, conditions: conditions('Other') })).toEqual([429, `${current} (Other): no scale`]);
    expect(await cause({ ...healthy, conditions: null })).toEqual([429, current]);
    expect(await cause({ currentHealthy: 1, desiredHealthy: 1 })).toEqual([
      429,
      'The disruption budget j needs 1 healthy pods and has 1 currently',
    ]);
    const disruptedPods = Object.fromEntries(
      Array.from({ length: 2001 }, (_, index) => [`gone-${index}`, '2026-01-02T03:04:05Z']),
    );
    expect(await cause({ disruptionsAllowed: 1, disruptedPods })).toEqual([
      403,
      `${current}: too many pending evictions not confirmed by PDB controller`,
    ]);
  });
});
