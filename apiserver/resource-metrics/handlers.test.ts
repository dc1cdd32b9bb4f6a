/** metrics.k8s.io as clients see it, on a server in memory whose nodes are made up. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import { silentLogger } from '../../base/log.ts';
import { createTestClock } from '../../kubelet/testing.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';
import { Collector } from './collector.ts';
import { nodeMetricsHandlers, podMetricsHandlers, windowText } from './handlers.ts';
import type { ContainerSample } from './sample.ts';

const ROOT = '/apis/metrics.k8s.io/v1beta1';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

let server: TestServer;
let rounds = 0;

/** Of the collector's two timers the one between its first two samples; the other is a time-out. */
function fireFirstWindow(callback: () => void, delayMs: number): () => void {
  if (delayMs === 1000) queueMicrotask(callback);
  return () => undefined;
}

/** Node a uses half a core, its pod's two containers a quarter and a thousandth; node b cannot be asked. */
function collectorOver(listers: Listers): Collector {
  const clock = createTestClock(START_MS);
  const sample = (nanoCores: number, memoryBytes: number): ContainerSample => ({
    cpuNs: nanoCores * 15 * rounds,
    memoryBytes,
    timestampMs: START_MS + rounds * 15_000,
    startedAtMs: 0,
  });
  return new Collector({
    nodes: listers<Node>({ group: '', plural: 'nodes' }),
    clock: { ...clock, setTimeout: fireFirstWindow },
    log: silentLogger,
    source: ({ metadata }) => {
      if (metadata.name === 'b') return Promise.reject(new Error('away'));
      rounds++;
      const containers = { web: sample(250_000_000, 64 << 20), log: sample(1_000_000, 4096) };
      const pods = new Map([['default/web-1', new Map(Object.entries(containers))]]);
      return Promise.resolve({ node: sample(500_000_000, 1 << 30), pods });
    },
  });
}

beforeAll(async () => {
  server = await startTestServer({
    extend({ router, kinds, listers }) {
      const sources = { listers, collector: collectorOver(listers) };
      const kindOf = (plural: string) =>
        kinds.find(({ resource }) => resource.group === 'metrics.k8s.io' && resource.names.plural === plural)!;
      router.addAsked(kindOf('nodes'), nodeMetricsHandlers(sources));
      router.addAsked(kindOf('pods'), podMetricsHandlers(sources));
    },
  });
  for (const name of ['a', 'b'])
    await server.call('POST', '/api/v1/nodes', { metadata: { name, labels: { zone: name } } });
  for (const [name, nodeName] of [
    ['web-1', 'a'],
    ['web-2', 'b'],
    ['young', 'a'],
  ]) {
    const spec = { nodeName, containers: [{ name: 'web', image: 'i' }] };
    const url = '/api/v1/namespaces/default/pods';
    const pod = await server.call<object>('POST', url, { metadata: { name, labels: { app: name } }, spec });
    const status = { phase: 'Running' };
    await server.call('PUT', `${url}/${name}/status`, { ...pod, status });
  }
});
afterAll(() => server.close());

const NODE_A = {
  kind: 'NodeMetrics',
  apiVersion: 'metrics.k8s.io/v1beta1',
  metadata: { name: 'a', labels: { zone: 'a' } },
  timestamp: '2026-01-02T03:04:35Z',
  window: '15s',
  usage: { cpu: '500m', memory: '1Gi' },
};
const WEB_1 = {
  kind: 'PodMetrics',
  metadata: { name: 'web-1', namespace: 'default', labels: { app: 'web-1' } },
  containers: [
    { name: 'web', usage: { cpu: '250m', memory: '64Mi' } },
    { name: 'log', usage: { cpu: '1m', memory: '4Ki' } },
  ],
};

describe('metrics.k8s.io', () => {
  it('lists the nodes that can be asked', async () => {
    const list = await server.call<{ items: unknown[] }>('GET', `${ROOT}/nodes`);
    expect(list).toMatchObject({ kind: 'NodeMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', items: [NODE_A] });
    expect(list.items).toHaveLength(1);
    expect(await server.call('GET', `${ROOT}/nodes?labelSelector=zone%3Db`)).toMatchObject({ items: [] });
  });

  it('lists the running pods of which everything is known, by namespace and labels', async () => {
    for (const url of [`${ROOT}/pods`, `${ROOT}/namespaces/default/pods?labelSelector=app%3Dweb-1`])
      expect(await server.call('GET', url)).toMatchObject({ kind: 'PodMetricsList', items: [WEB_1] });
    const selectors = ['namespaces/kube-system/pods', 'pods?labelSelector=app%3Dyoung'];
    for (const path of selectors) expect(await server.call('GET', `${ROOT}/${path}`)).toMatchObject({ items: [] });
    const one = `${ROOT}/pods?fieldSelector=metadata.name%3Dweb-1`;
    expect((await server.call<{ items: unknown[] }>('GET', one)).items).toHaveLength(1);
    expect((await server.send('GET', `${ROOT}/pods?fieldSelector=spec.nodeName%3Da`)).status).toBe(400);
  });

  it('gets one, and says which it does not know', async () => {
    expect(await server.call('GET', `${ROOT}/nodes/a`)).toMatchObject(NODE_A);
    expect(await server.call('GET', `${ROOT}/namespaces/default/pods/web-1`)).toMatchObject(WEB_1);
    const messageOf = async (path: string): Promise<unknown> =>
      ((await server.send('GET', `${ROOT}/${path}`)).body as { message: string }).message;
    expect(await messageOf('nodes/b')).toBe('nodemetrics.metrics.k8s.io "b" not found');
    expect(await messageOf('nodes/c')).toBe('nodes "c" not found');
    expect(await messageOf('namespaces/default/pods/young')).toBe(
      'podmetrics.metrics.k8s.io "default/young" not found',
    );
    expect(await messageOf('namespaces/default/pods/none')).toBe('pods "default/none" not found');
  });

  it('shows tables as kubectl get asks for them', async () => {
    const tableOf = async (path: string): Promise<unknown> => {
      const { body } = await server.send('GET', `${ROOT}/${path}`, { accept: TABLE });
      const { columnDefinitions, rows } = body as {
        columnDefinitions: { name: string }[];
        rows: { cells: unknown[] }[];
      };
      return [columnDefinitions.map(({ name }) => name), ...rows.map(({ cells }) => cells)];
    };
    const columns = ['Name', 'cpu', 'memory', 'Window'];
    expect(await tableOf('nodes')).toEqual([columns, ['a', '500m', '1Gi', '15s']]);
    expect(await tableOf('namespaces/default/pods/web-1')).toEqual([columns, ['web-1', '251m', '65540Ki', '15s']]);
  });

  it('is read only, and in discovery', async () => {
    expect((await server.send('DELETE', `${ROOT}/nodes/a`)).status).toBe(405);
    expect((await server.send('POST', `${ROOT}/namespaces/default/pods`, { body: WEB_1 })).status).toBe(405);
    const groups = await server.call<{ groups: { name: string; preferredVersion: object }[] }>('GET', '/apis');
    expect(groups.groups.at(-1)).toMatchObject({
      name: 'metrics.k8s.io',
      preferredVersion: { groupVersion: 'metrics.k8s.io/v1beta1' },
    });
    expect(await server.call('GET', ROOT)).toMatchObject({
      resources: [
        { name: 'nodes', kind: 'NodeMetrics', namespaced: false, verbs: ['get', 'list'] },
        { name: 'pods', kind: 'PodMetrics', namespaced: true, verbs: ['get', 'list'] },
      ],
    });
  });
});

it.each([
  [15_000, '15s'],
  [1002, '1.002s'],
  [29_998.6, '29.999s'],
  [60_500, '1m0.5s'],
])('windowText() writes %d ms as Go does', (ms, text) => {
  expect(windowText(ms)).toBe(text);
});
