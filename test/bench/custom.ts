/** What a custom kind costs: memory of a thousand definitions, and how soon one is served and published. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchLine } from './bench-line.ts';
import type { BenchClient, BenchCluster } from './cluster-process.ts';
import { openClient, ownMemoryMb, percentile, startBenchCluster } from './cluster-process.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const COUNT = 1_000;
const SETTLE_MS = 5_000;

export async function run(): Promise<BenchLine[]> {
  const cluster = await startBenchCluster(['--runtime', 'none', '--storage', 'memory']);
  try {
    const client = await openClient(cluster, 1);
    const served: number[] = [];
    await measureServed(client, served, 0);
    const before = await settled(cluster);
    for (let i = 1; i <= COUNT; i++) await measureServed(client, served, i);
    const perDefinitionMb = ((await settled(cluster)) - before) / COUNT;
    // As any client's discovery has done before.
    for (const path of ['/openapi/v3', '/openapi/v2']) await client.request('GET', path);
    const published = await measurePublished(client);
    const discovered = await timed(() => client.request('GET', '/apis'));
    client.close();
    served.sort((a, b) => a - b);
    return [
      line('memory of each of 1,000 definitions', perDefinitionMb, { unit: 'MB', most: 0.3 }),
      line('definition sent → first object stored, p99', percentile(served, 0.99), { unit: 'ms', most: 1000 }),
      line('definition sent → in OpenAPI v3, among 1,000 others', published.v3, { unit: 'ms', most: 1000 }),
      line('definition sent → in OpenAPI v2, among 1,000 others', published.v2, { unit: 'ms', most: 1000 }),
      { scenario: 'custom', what: 'discovery of 1,000 custom groups', value: discovered, unit: 'ms' },
    ];
  } finally {
    await cluster.stop();
  }
}

function line(what: string, value: number, { unit, most }: { unit: string; most: number }): BenchLine {
  return { scenario: 'custom', what, value, unit, target: `≤ ${most}`, ok: value <= most };
}

async function settled({ child }: BenchCluster): Promise<number> {
  await sleep(SETTLE_MS);
  return ownMemoryMb(child.pid!);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function measureServed(client: BenchClient, times: number[], i: number): Promise<void> {
  const objects = `/apis/g${i}.example.com/v1/namespaces/default/widgets`;
  const spec = { replicas: 3, image: 'web' };
  times.push(
    await timed(async () => {
      await create(client, DEFINITIONS, definition(i));
      await create(client, objects, { metadata: { name: 'first' }, spec });
    }),
  );
}

async function create(client: BenchClient, path: string, object: object): Promise<void> {
  const { status, text } = await client.request('POST', path, JSON.stringify(object));
  if (status !== 201) throw new Error(`POST ${path}: ${status} ${text}`);
}

async function measurePublished(client: BenchClient): Promise<{ v2: number; v3: number }> {
  const send = (i: number): Promise<void> => create(client, DEFINITIONS, definition(i));
  const v3 = await timed(async () => {
    await send(COUNT + 1);
    await client.request('GET', '/openapi/v3');
    await client.request('GET', `/openapi/v3/apis/g${COUNT + 1}.example.com/v1`);
  });
  const v2 = await timed(async () => {
    await send(COUNT + 2);
    await client.request('GET', '/openapi/v2');
  });
  return { v2, v3 };
}

/** As an operator's: some fifty fields, a pod template's worth of text. */
function definition(i: number): object {
  const group = `g${i}.example.com`;
  const fields = Array.from({ length: 40 }, (_, n): [string, object] => [
    `field${n}`,
    { type: n % 3 === 0 ? 'integer' : 'string', description: `What field ${n} is for, in a sentence or two of text.` },
  ]);
  const conditions = {
    type: 'array',
    items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } },
  };
  const spec = {
    type: 'object',
    properties: { ...Object.fromEntries(fields), replicas: { type: 'integer', minimum: 0 }, image: { type: 'string' } },
    'x-kubernetes-validations': [{ rule: 'self.replicas < 100' }],
  };
  const openAPIV3Schema = {
    type: 'object',
    properties: { spec, status: { type: 'object', properties: { conditions } } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, subresources: { status: {} } },
      ],
    },
  };
}
