/**
 * Runs the scheduling workloads through the whole API path: a cluster with lmdb, nodes without kubelets, pods created
 * over TLS, bindings watched from outside. `NOCHER_BENCH_WORKLOADS` (a regular expression) and `NOCHER_BENCH_NODES`
 * (numbers with commas) choose among them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchLine } from './bench-line.ts';
import { cpuMs, follow, openClient, startBenchCluster } from './cluster-process.ts';
import type { BenchClient, BenchCluster } from './cluster-process.ts';
import { INITIAL_NAMESPACE, MEASURED_NAMESPACE, WORKLOADS } from './scheduling-workloads.ts';
import type { Churn, Size, Workload } from './scheduling-workloads.ts';

const WRITERS = 64;
const TIMEOUT_MS = 600_000;
const FLAGS = ['--runtime', 'none', '--pod-cidr', '100.64.0.0/10'];

/** Two lines for each: pods per second, and what a pod costs of a processor. */
export async function measureWorkloads(): Promise<BenchLine[]> {
  const chosen = new RegExp(process.env['NOCHER_BENCH_WORKLOADS'] ?? '');
  const nodes = process.env['NOCHER_BENCH_NODES']?.split(',').map(Number);
  const lines: BenchLine[] = [];
  for (const workload of WORKLOADS.filter(({ name }) => chosen.test(name))) {
    for (const size of workload.sizes.filter((one) => nodes?.includes(one.nodes) ?? true))
      lines.push(...(await measure(workload, size)));
  }
  return lines;
}

async function measure(workload: Workload, size: Size): Promise<BenchLine[]> {
  const cluster = await startBenchCluster(FLAGS);
  try {
    const { rate, cpuMsPerPod } = await run(cluster, workload, size);
    const { name, floor } = workload;
    const what = `${name} ${size.nodes} nodes ${size.pods} pods`;
    process.stdout.write(`${what}: ${rate} pods/s (floor ${floor}), ${cpuMsPerPod.toFixed(2)} ms of CPU a pod\n`);
    // Of a handful of pods, the first connection is most of the time.
    const verdict = size.nodes < 500 ? {} : { target: `≥ ${floor}`, ok: rate >= floor };
    return [
      { scenario: 'scheduler', what, value: rate, unit: 'pods/s', ...verdict },
      { scenario: 'scheduler', what: `${what}: CPU for each`, value: cpuMsPerPod, unit: 'ms' },
    ];
  } finally {
    await cluster.stop();
  }
}

async function run(
  cluster: BenchCluster,
  workload: Workload,
  size: Size,
): Promise<{ rate: number; cpuMsPerPod: number }> {
  const client = await openClient(cluster);
  const watcher = await openClient(cluster, 1);
  const bound = await followBindings(watcher);
  const open = await followOpenNodes(watcher);
  await prepare(client, workload, size);
  await until(() => bound.initial >= size.initialPods && open.size >= size.nodes);
  const churning = new AbortController();
  const churn = workload.churn === undefined ? Promise.resolve() : stir(client, workload.churn, churning.signal);
  const startedMs = performance.now();
  const startedCpuMs = cpuMs(cluster.child.pid!);
  await createPods(client, { namespace: MEASURED_NAMESPACE, prefix: 'measured', count: size.pods }, workload.measured);
  await until(() => bound.measured >= size.pods);
  const rate = Math.round((size.pods * 1000) / (performance.now() - startedMs));
  const cpuMsPerPod = (cpuMs(cluster.child.pid!) - startedCpuMs) / size.pods;
  churning.abort();
  await churn;
  return { rate, cpuMsPerPod };
}

async function prepare(client: BenchClient, workload: Workload, { nodes, initialPods }: Size): Promise<void> {
  const priorityClass = { metadata: { name: 'bench-high' }, value: 10 };
  await post(client, '/apis/scheduling.k8s.io/v1/priorityclasses', priorityClass);
  for (const name of [INITIAL_NAMESPACE, MEASURED_NAMESPACE]) {
    await post(client, '/api/v1/namespaces', { metadata: { name } });
    await until(async () => {
      const { status } = await client.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`);
      return status === 200;
    });
  }
  const { largeNode, nodeLabels = () => ({}) } = workload;
  if (largeNode !== undefined) await post(client, '/api/v1/nodes', node(largeNode, {}, { cpu: '100k', pods: '90000' }));
  await inParallel(nodes, (i) => post(client, '/api/v1/nodes', node(`node-${i}`, nodeLabels(i))));
  await createPods(client, { namespace: INITIAL_NAMESPACE, prefix: 'initial', count: initialPods }, workload.initial);
}

function node(name: string, labels: Record<string, string>, more: Record<string, string> = {}): object {
  const capacity = { cpu: '4', memory: '32Gi', pods: '110', ...more };
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    status: { capacity, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

async function createPods(
  client: BenchClient,
  { namespace, prefix, count }: { namespace: string; prefix: string; count: number },
  template: Workload['measured'],
): Promise<void> {
  await inParallel(count, (i) => {
    const { labels = {}, spec } = template(i);
    return post(client, `/api/v1/namespaces/${namespace}/pods`, { metadata: { name: `${prefix}-${i}`, labels }, spec });
  });
}

async function stir(client: BenchClient, { everyMs, pod, recreates }: Churn, signal: AbortSignal): Promise<void> {
  const pods = '/api/v1/namespaces/default/pods';
  const services = '/api/v1/namespaces/default/services';
  for (let i = 0; !signal.aborted; i++) {
    await post(client, pods, { metadata: { name: `churn-${i}` }, spec: pod(i).spec });
    if (recreates === true) {
      await post(client, '/api/v1/nodes', node(`churn-${i}`, {}, { pods: '0' }));
      await post(client, services, { metadata: { name: `churn-${i}` }, spec: { ports: [{ port: 80 }] } });
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (recreates !== true) continue;
    for (const path of [pods, '/api/v1/nodes', services]) await client.request('DELETE', `${path}/churn-${i}`);
  }
}

/** How many pods have a node, by when they were created. */
async function followBindings(client: BenchClient): Promise<{ initial: number; measured: number }> {
  const seen = { initial: 0, measured: 0 };
  const known = new Set<string>();
  await follow<{ metadata: { name: string }; spec?: { nodeName?: string } }>(
    client,
    '/api/v1/pods',
    ({ object: { metadata, spec } }) => {
      const { name } = metadata;
      if (spec?.nodeName === undefined || known.has(name)) return;
      known.add(name);
      if (name.startsWith('initial-')) seen.initial++;
      else if (name.startsWith('measured-')) seen.measured++;
    },
  );
  return seen;
}

/**
 * The names of the nodes that keep nobody away. A new node does until the node controller has seen it ready; upstream's
 * workloads run without that (`--disable-admission-plugins=TaintNodesByCondition`).
 */
async function followOpenNodes(client: BenchClient): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  await follow<{ metadata: { name: string }; spec: { taints?: object[] } }>(
    client,
    '/api/v1/nodes',
    ({ object: { metadata, spec } }) => {
      if ((spec.taints ?? []).length === 0) open.add(metadata.name);
      else open.delete(metadata.name);
    },
  );
  return open;
}

async function post(client: BenchClient, path: string, body: object): Promise<void> {
  const { status, text } = await client.request('POST', path, JSON.stringify(body));
  if (status !== 201) throw new Error(text);
}

async function inParallel(count: number, one: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: WRITERS }, work));
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + TIMEOUT_MS;
  while (!(await check())) {
    if (performance.now() > deadlineMs) throw new Error(`a workload did not end within ${TIMEOUT_MS / 1000} s`);
    await sleep(5);
  }
}
