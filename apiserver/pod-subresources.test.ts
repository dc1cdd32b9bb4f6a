import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Status } from '../api/machinery/errors.ts';
import type { TestResponse, TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const STRATEGIC = 'application/strategic-merge-patch+json';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
  for (const name of ['debugged', 'resized']) {
    await server.call('POST', PODS, {
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'i', resources }] },
    });
  }
});
afterAll(() => server.close());

const message = ({ body }: TestResponse): string | undefined => (body as Status).message;
const debuggerContainer = { name: 'debugger', image: 'busybox', stdin: true, tty: true, targetContainerName: 'c' };
const patch = (url: string, body: unknown, contentType = STRATEGIC): Promise<TestResponse> =>
  server.send('PATCH', url, { body, contentType });

describe('pods/ephemeralcontainers [A25]', () => {
  const url = `${PODS}/debugged/ephemeralcontainers`;

  it('adds a container as kubectl debug does, and nothing else', async () => {
    const answer = await patch(url, {
      metadata: { labels: { a: 'b' } },
      spec: { hostNetwork: true, ephemeralContainers: [debuggerContainer] },
    });
    expect(answer.status).toBe(200);
    const pod = await server.call<Pod>('GET', `${PODS}/debugged`);
    expect(answer.body).toEqual(pod);
    expect(pod.spec.ephemeralContainers).toMatchObject([
      { ...debuggerContainer, terminationMessagePath: '/dev/termination-log', imagePullPolicy: 'Always' },
    ]);
    expect(pod.spec.hostNetwork).toBeUndefined();
    expect(pod.metadata.labels).toBeUndefined();
    expect(pod.metadata.generation).toBe(2);
    expect(pod.metadata.managedFields?.find(({ subresource }) => subresource === 'ephemeralcontainers')).toMatchObject({
      manager: 'test',
      operation: 'Update',
    });
  });

  it('is read and replaced as a pod', async () => {
    const pod = await server.call<Pod>('GET', url);
    expect(pod).toMatchObject({ kind: 'Pod', metadata: { name: 'debugged' } });
    const second = { ...debuggerContainer, name: 'second' };
    const next = { ...pod, spec: { ...pod.spec, ephemeralContainers: [...pod.spec.ephemeralContainers!, second] } };
    expect(await server.send('PUT', url, { body: next })).toMatchObject({
      status: 200,
      body: { spec: { ephemeralContainers: [{ name: 'debugger' }, { name: 'second' }] } },
    });
    const stale = await server.send('PUT', url, { body: next });
    expect(stale.status).toBe(409);
  });

  it('keeps what is there', async () => {
    const gone = await patch(url, { spec: { ephemeralContainers: [{ name: 'second', $patch: 'delete' }] } });
    expect(gone.status).toBe(422);
    expect(message(gone)).toContain('existing ephemeral containers "second" may not be removed');
    const main = await patch(`${PODS}/debugged`, {
      spec: { ephemeralContainers: [{ ...debuggerContainer, name: 'third' }] },
    });
    expect(main.status).toBe(422);
  });

  it('is not created', async () => {
    expect((await patch(`${PODS}/none/ephemeralcontainers`, {})).status).toBe(404);
    const applied = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'none' }, spec: {} };
    expect(
      (await patch(`${PODS}/none/ephemeralcontainers?fieldManager=a`, applied, 'application/apply-patch+yaml')).status,
    ).toBe(404);
    expect((await server.send('DELETE', url)).status).toBe(404);
  });
});

describe('pods/resize [A25]', () => {
  const url = `${PODS}/resized/resize`;
  const resources = (requests: object, limits: object): object => ({
    spec: { containers: [{ name: 'c', resources: { requests, limits } }] },
  });

  it('changes cpu and memory', async () => {
    const answer = await patch(url, resources({ cpu: '150m' }, { cpu: '300m' }));
    expect(answer).toMatchObject({
      status: 200,
      body: {
        metadata: { generation: 2 },
        spec: {
          containers: [
            { image: 'i', resources: { requests: { cpu: '150m', memory: '64Mi' }, limits: { cpu: '300m' } } },
          ],
        },
      },
    });
  });

  it('refuses what a resize may not do', async () => {
    const qos = await patch(url, resources({ cpu: '300m', memory: '64Mi' }, { cpu: '300m' }));
    expect(message(qos)).toContain('Pod QOS Class may not change as a result of resizing');
    const removed = await patch(url, resources({}, { cpu: null }));
    expect(message(removed)).toContain('resource limits cannot be removed');
    expect((await patch(`${PODS}/resized`, resources({ cpu: '120m' }, {}))).status).toBe(422);
  });

  it('is charged to quotas, as the larger of what is wanted, allocated and in use [W12]', async () => {
    const quotas = '/api/v1/namespaces/default/resourcequotas';
    await server.call('POST', quotas, { metadata: { name: 'q' }, spec: { hard: { 'requests.cpu': '400m' } } });
    const usedIs = async (cpu: string): Promise<void> => {
      const quota = await server.call<object>('GET', `${quotas}/q`);
      const status = { hard: { 'requests.cpu': '400m' }, used: { 'requests.cpu': cpu } };
      await server.call('PUT', `${quotas}/q/status`, { ...quota, status });
    };
    const used = async (): Promise<string> =>
      (await server.call<{ status: { used: Record<string, string> } }>('GET', `${quotas}/q`)).status.used[
        'requests.cpu'
      ]!;
    await usedIs('150m');
    expect(await patch(url, resources({ cpu: '180m' }, {}))).toMatchObject({ status: 200 });
    expect(await used()).toBe('180m');
    const most = await patch(url, resources({ cpu: '450m' }, { cpu: '500m' }));
    expect(most.status).toBe(403);
    expect(message(most)).toContain('exceeded quota: q, requested: requests.cpu=270m, used: requests.cpu=180m');
    // Half way down: what the node still holds is charged already, so that going back up costs nothing.
    const held = { cpu: '180m', memory: '64Mi' };
    const status = { containerStatuses: [{ name: 'c', allocatedResources: held, resources: { requests: held } }] };
    expect(await patch(`${PODS}/resized/status`, { status })).toMatchObject({ status: 200 });
    expect(await patch(url, resources({ cpu: '120m' }, {}))).toMatchObject({ status: 200 });
    await usedIs('400m');
    expect(await patch(url, resources({ cpu: '170m' }, {}))).toMatchObject({ status: 200 });
    expect(await used()).toBe('400m');
    expect((await patch(url, resources({ cpu: '190m' }, {}))).status).toBe(403);
    await server.call('DELETE', `${quotas}/q`);
  });

  it('leaves the rest of the pod alone', async () => {
    const answer = await patch(url, {
      metadata: { annotations: { a: 'b' } },
      spec: { containers: [{ name: 'c', image: 'other' }] },
    });
    expect(answer).toMatchObject({ status: 200, body: { spec: { containers: [{ image: 'i' }] } } });
    expect((answer.body as Pod).metadata.annotations).toBeUndefined();
    expect((await server.call<Pod>('GET', url)).spec.containers[0]!.image).toBe('i');
  });
});

describe('discovery', () => {
  it('names both', async () => {
    const { resources } = await server.call<{ resources: { name: string; kind: string; verbs: string[] }[] }>(
      'GET',
      '/api/v1',
    );
    for (const name of ['pods/ephemeralcontainers', 'pods/resize']) {
      expect(resources.find((entry) => entry.name === name)).toMatchObject({
        kind: 'Pod',
        verbs: ['get', 'patch', 'update'],
      });
    }
  });
});

describe('namespaces/finalize', () => {
  it('refuses finalizers that are none', async () => {
    const namespace = await server.call<{ spec: { finalizers: string[] } }>('POST', '/api/v1/namespaces', {
      metadata: { name: 'going' },
    });
    const send = (finalizers: string[]): Promise<TestResponse> =>
      server.send('PUT', '/api/v1/namespaces/going/finalize', { body: { ...namespace, spec: { finalizers } } });
    const refused = await send(['kubernetes', 'foo']);
    expect(refused.status).toBe(422);
    expect(message(refused)).toContain(
      'spec.finalizers[1]: Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified',
    );
    expect(await send(['kubernetes', 'example.com/x'])).toMatchObject({
      status: 200,
      body: { spec: { finalizers: ['kubernetes', 'example.com/x'] } },
    });
  });
});
