/** `--simulated-nodes`: nodes without machines, beside a real one and alone. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, Json } from './harness.ts';
import { eventually, failed, isRoot, startCluster } from './harness.ts';

const deployment = (name: string, replicas: number, spec: object): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  });

const TOLERATION = { key: 'nocher.io/simulated', operator: 'Exists' };

const itemsOf = (cluster: Cluster, ...args: string[]): Json[] =>
  JSON.parse(cluster.run('get', ...args, '-o', 'json')).items;

/** How many pods of an app run on which node. */
function placement(cluster: Cluster, app: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { spec, status } of itemsOf(cluster, 'pods', '-l', `app=${app}`)) {
    if (status.phase === 'Running') counts[spec.nodeName] = (counts[spec.nodeName] ?? 0) + 1;
  }
  return counts;
}

(isRoot ? describe : describe.skip)('simulated nodes beside a real one', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    // Eight parts, of which these nodes take the first four.
    cluster = await startCluster(['--simulated-nodes', '3', '--pod-cidr', '10.244.0.0/21']);
  });
  afterAll(() => cluster?.stop());

  it('are Ready with an identity, a lease and a part of the pod range each', async () => {
    // The taint of new nodes goes a moment after they are Ready.
    const isNew = ({ spec }: Json): boolean =>
      (spec.taints ?? []).some(({ key }: Json) => key === 'node.kubernetes.io/not-ready');
    const nodes = await eventually('no node is new any more', () => {
      const items = itemsOf(cluster, 'nodes');
      return !items.some(isNew) && items;
    });
    expect(nodes.map(({ metadata }) => metadata.name)).toEqual(['node-1', 'simulated-1', 'simulated-2', 'simulated-3']);
    expect(nodes.map(({ spec }) => spec.podCIDR)).toEqual([
      '10.244.0.0/24',
      '10.244.1.0/24',
      '10.244.2.0/24',
      '10.244.3.0/24',
    ]);
    for (const { status } of nodes)
      expect(status.conditions.find(({ type }: Json) => type === 'Ready').status).toBe('True');
    for (const { metadata, spec, status } of nodes.slice(1)) {
      expect(metadata.labels['nocher.io/simulated']).toBe('true');
      expect(spec.taints).toEqual([{ key: 'nocher.io/simulated', value: 'true', effect: 'NoSchedule' }]);
      expect(status.capacity).toMatchObject({ cpu: '32', memory: '256Gi', pods: '110' });
    }
    expect(itemsOf(cluster, 'leases', '-n', 'kube-node-lease').map(({ spec }) => spec.holderIdentity)).toEqual(
      nodes.map(({ metadata }) => metadata.name),
    );
  });

  it('leave pods that do not ask for them to the real node', () => {
    cluster.apply(deployment('real', 4, { containers: [{ name: 'c', image: 'nocher.local/hello:1' }] }));
    expect(cluster.run('rollout', 'status', 'deployment/real', '--timeout=60s')).toContain('successfully rolled out');
    expect(placement(cluster, 'real')).toEqual({ 'node-1': 4 });
  });

  it('share the pods that tolerate and select them, and roll them out', () => {
    const spec = {
      tolerations: [TOLERATION],
      nodeSelector: { 'nocher.io/simulated': 'true' },
      containers: [{ name: 'c', image: 'nginx:1' }],
    };
    cluster.apply(deployment('pretend', 10, spec));
    expect(cluster.run('rollout', 'status', 'deployment/pretend', '--timeout=60s')).toContain(
      'successfully rolled out',
    );
    expect(Object.keys(placement(cluster, 'pretend')).sort()).toEqual(['simulated-1', 'simulated-2', 'simulated-3']);
    cluster.run('set', 'image', 'deployment/pretend', 'c=nginx:2');
    expect(cluster.run('rollout', 'status', 'deployment/pretend', '--timeout=60s')).toContain(
      'successfully rolled out',
    );
  });

  it.each([
    ['logs', ['logs', 'deployment/pretend']],
    ['exec', ['exec', 'deployment/pretend', '--', 'ls']],
  ])('say why there is no %s', (_title, args) => {
    const { code, stderr } = cluster.kubectl(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /Error from server \(BadRequest\): node simulated-\d has no processes to look into: its pods are simulated\n$/,
    );
  });

  const foreign = (...names: string[]): void => {
    const items = names.map((name) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } }));
    cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  };
  const rangeOf = (name: string): Promise<string> =>
    eventually(`the range of ${name}`, () => cluster.run('get', 'node', name, '-o', 'jsonpath={.spec.podCIDR}'));

  it('leave parts of the pod range to nodes of others, and these to each other [W14]', async () => {
    foreign('f-1', 'f-2', 'f-3', 'f-4');
    const ranges = await Promise.all(['f-1', 'f-2', 'f-3', 'f-4'].map(rangeOf));
    expect(ranges.toSorted()).toEqual(['10.244.4.0/24', '10.244.5.0/24', '10.244.6.0/24', '10.244.7.0/24']);
    foreign('f-5');
    const [event] = await eventually('the event', () => {
      const found = itemsOf(cluster, 'events', '-A', '--field-selector', 'reason=CIDRNotAvailable');
      return found.length > 0 && found;
    });
    expect(event).toMatchObject({
      type: 'Normal',
      message: 'Node f-5 status is now: CIDRNotAvailable',
      involvedObject: { kind: 'Node', name: 'f-5' },
      source: { component: 'cidrAllocator' },
    });
    cluster.run('delete', 'node', 'f-2');
    expect(await rangeOf('f-5')).toBe(ranges[1]);
    cluster.run('delete', 'node', 'f-1', 'f-3', 'f-4');
  });

  it('that the next start does not ask for are gone', async () => {
    const before = await rangeOf('f-5');
    await cluster.kill('SIGTERM');
    await cluster.restart(['--simulated-nodes', '1']);
    expect(itemsOf(cluster, 'nodes').map(({ metadata }) => metadata.name)).toEqual(['f-5', 'node-1', 'simulated-1']);
    // Their parts of the pod range are for others.
    foreign('f-6', 'f-7', 'f-8', 'f-9', 'f-10');
    const ranges = await Promise.all(['f-6', 'f-7', 'f-8', 'f-9', 'f-10'].map(rangeOf));
    const all = [2, 3, 4, 5, 6, 7].map((part) => `10.244.${part}.0/24`);
    expect(ranges.toSorted()).toEqual(all.filter((range) => range !== before));
    expect(await rangeOf('f-5')).toBe(before);
    cluster.run('delete', 'node', 'f-5', 'f-6', 'f-7', 'f-8', 'f-9', 'f-10');
    await eventually(
      'the pod on the node that stayed runs',
      () => placement(cluster, 'pretend')['simulated-1'] !== undefined,
    );
  });
});

describe('simulated nodes without a real one', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster(['--runtime', 'none', '--storage', 'memory', '--simulated-nodes', '100']);
  });
  afterAll(() => cluster?.stop());

  it('take any pod', () => {
    expect(itemsOf(cluster, 'nodes').filter(({ spec }) => spec.taints !== undefined)).toEqual([]);
    cluster.apply(deployment('many', 200, { containers: [{ name: 'c', image: 'nginx' }] }));
    expect(cluster.run('rollout', 'status', 'deployment/many', '--timeout=60s')).toContain('successfully rolled out');
    const counts = Object.values(placement(cluster, 'many'));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(counts.length).toBeGreaterThan(50);
  });

  it('are refused when they do not fit into the pod range', () => {
    const refused = cluster.host(process.execPath, [
      'bin/nocher',
      'up',
      '--runtime',
      'none',
      '--data-dir',
      `${cluster.dataDir}/other`,
      '--api-port',
      '0',
      '--kubelet-port',
      '0',
      '--simulated-nodes',
      '256',
    ]);
    expect({ ...refused, stderr: refused.stderr.replace(/^certificates\n/, '') }).toEqual(
      failed(
        'nocher: --simulated-nodes: 10.244.0.0/16 has room for 255; choose a larger --pod-cidr, such as 100.64.0.0/10\n',
      ),
    );
  });
});
