import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
    await allow('a', { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 });
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
          { reason: 'DisruptionBudget', message: 'The disruption budget a needs 1 healthy pods and has 2 currently' },
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
});
