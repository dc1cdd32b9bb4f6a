/** A Deployment of many replicas is rolled over; whether it ever had too many pods, or too few available, a watch tells. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchLine } from './bench-line.ts';
import type { BenchClient } from './cluster-process.ts';
import { follow, openClient, startBenchCluster } from './cluster-process.ts';

const APPS = '/apis/apps/v1/namespaces/default/deployments';
const PODS = '/api/v1/namespaces/default/pods?labelSelector=app%3Drolled';
const PATIENCE_MS = 300_000;
/** Upstream's defaults: a quarter of the replicas. */
const SHARE = 0.25;

interface Pod {
  metadata: { uid: string; deletionTimestamp?: string };
  status?: { conditions?: { type: string; status: string }[] };
}

interface Deployment {
  metadata: { generation: number };
  status?: { observedGeneration?: number; updatedReplicas?: number; availableReplicas?: number; replicas?: number };
}

export async function rollover({ nodes, replicas }: { nodes: number; replicas: number }): Promise<BenchLine[]> {
  const cluster = await startBenchCluster(['--runtime', 'simulated', '--simulated-nodes', String(nodes)]);
  try {
    const client = await openClient(cluster);
    const tally = new Tally();
    await follow<Pod>(await openClient(cluster, 1), PODS, ({ type, object }) => tally.take(type, object));
    const { status, text } = await client.request('POST', APPS, JSON.stringify(deployment(replicas)));
    if (status !== 201) throw new Error(text);
    await complete(client, replicas);
    tally.begin();
    const startedMs = performance.now();
    const template = { metadata: { annotations: { version: '2' } } };
    await client.request('PATCH', `${APPS}/rolled`, JSON.stringify({ spec: { template } }));
    await complete(client, replicas);
    const seconds = (performance.now() - startedMs) / 1000;
    const [most, fewest] = [Math.ceil(replicas * (1 + SHARE)), replicas - Math.floor(replicas * SHARE)];
    const what = `${replicas.toLocaleString('en-US')} replicas rolled over`;
    return [
      { scenario: 'scale', what, value: seconds, unit: 's' },
      {
        scenario: 'scale',
        what: `${what}: most pods at any instant`,
        ...bounded(tally.most, `≤ ${most}`, tally.most <= most),
      },
      {
        scenario: 'scale',
        what: `${what}: fewest available`,
        ...bounded(tally.fewest, `≥ ${fewest}`, tally.fewest >= fewest),
      },
    ];
  } finally {
    await cluster.stop();
  }
}

const bounded = (value: number, target: string, ok: boolean): Pick<BenchLine, 'value' | 'unit' | 'target' | 'ok'> => ({
  value,
  unit: 'pods',
  target,
  ok,
});

/** Pods that are not on their way out, and those of them that are ready, from the events of a watch. */
class Tally {
  most = 0;
  fewest = Infinity;
  readonly #pods = new Map<string, boolean>();
  #available = 0;

  /** What counts from here on. */
  begin(): void {
    this.most = this.#pods.size;
    this.fewest = this.#available;
  }

  take(type: string, { metadata, status }: Pod): void {
    if (this.#pods.get(metadata.uid) === true) this.#available--;
    this.#pods.delete(metadata.uid);
    if (type !== 'DELETED' && metadata.deletionTimestamp === undefined) {
      const isReady = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
      this.#pods.set(metadata.uid, isReady);
      if (isReady) this.#available++;
    }
    this.most = Math.max(this.most, this.#pods.size);
    this.fewest = Math.min(this.fewest, this.#available);
  }
}

async function complete(client: BenchClient, replicas: number): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const { metadata, status } = JSON.parse((await client.request('GET', `${APPS}/rolled`)).text) as Deployment;
    const isSeen = status?.observedGeneration === metadata.generation;
    const counts = [status?.updatedReplicas, status?.availableReplicas, status?.replicas];
    if (isSeen && counts.every((count) => count === replicas)) return;
    if (performance.now() > deadlineMs) throw new Error(`not rolled out: ${JSON.stringify(status)}`);
    await sleep(50);
  }
}

function deployment(replicas: number): object {
  const labels = { app: 'rolled' };
  const requests = { cpu: '100m', memory: '100Mi' };
  const containers = [{ name: 'c', image: 'registry.k8s.io/pause:3.10.1', resources: { requests } }];
  const template = { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 0 } };
  return { metadata: { name: 'rolled' }, spec: { replicas, selector: { matchLabels: labels }, template } };
}
