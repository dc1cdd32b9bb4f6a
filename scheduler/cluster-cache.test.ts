import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ClusterCache } from './cluster-cache.ts';
import { nodeOf, podOf } from './objects-for-tests.ts';
import type { PodInfo } from './pod-info.ts';
import { podInfoOf } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

const NODES = ['n0', 'n1', 'n2', 'n3'];
const PODS = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];

function describeSnapshot({ nodes, get, imageNodes }: Snapshot): unknown {
  const lines = nodes.map((node) => {
    expect(get(node.name)).toBe(node);
    return {
      node: node.node,
      pods: [...node.pods.keys()].sort(),
      requested: { ...node.requested, scalars: [...node.requested.scalars].sort() },
      room: [...node.room],
      nonZero: node.nonZero,
      ports: node.listUsedPorts(),
    };
  });
  lines.sort((a, b) => (a.node.metadata.name! < b.node.metadata.name! ? -1 : 1));
  return { lines, images: [...imageNodes].sort() };
}

function infoOf(name: string, size: number): PodInfo {
  const requests = size === 0 ? {} : { cpu: `${size}00m`, memory: `${size}Gi`, 'example.com/gpu': String(size % 3) };
  const ports = size % 2 === 0 ? [] : [{ containerPort: 80, hostPort: 8000 + size }];
  return podInfoOf(podOf(name, { spec: { containers: [{ name: 'main', resources: { requests }, ports }] } }));
}

const node = fc.constantFrom(...NODES);
const pod = fc.constantFrom(...PODS);
const size = fc.integer({ min: 0, max: 5 });
const operation = fc.oneof(
  fc.record({ type: fc.constant('setNode' as const), node, size }),
  fc.record({ type: fc.constant('removeNode' as const), node }),
  fc.record({ type: fc.constant('setPod' as const), pod, node, size }),
  fc.record({ type: fc.constant('assumePod' as const), pod, node, size }),
  fc.record({ type: fc.constant('forgetPod' as const), pod }),
  fc.record({ type: fc.constant('removePod' as const), pod }),
  fc.record({ type: fc.constant('takeSnapshot' as const) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Model {
  nodes: Map<string, number>;
  pods: Map<string, { info: PodInfo; node: string; isAssumed: boolean }>;
}

function nodeOfSize(name: string, size: number): ReturnType<typeof nodeOf> {
  const zone = { 'topology.kubernetes.io/zone': `z${size % 2}` };
  const images = size === 0 ? [] : [{ names: [`image-${size}`], sizeBytes: size }];
  return nodeOf(name, { labels: zone, allocatable: { cpu: String(size) }, status: { images } });
}

function perform(cache: ClusterCache, model: Model, one: Operation): void {
  switch (one.type) {
    case 'setNode':
      model.nodes.set(one.node, one.size);
      return cache.setNode(nodeOfSize(one.node, one.size));
    case 'removeNode':
      model.nodes.delete(one.node);
      return cache.removeNode(one.node);
    case 'setPod': {
      const info = infoOf(one.pod, one.size);
      model.pods.set(one.pod, { info, node: one.node, isAssumed: false });
      return cache.setPod(info, one.node);
    }
    case 'assumePod': {
      const info = infoOf(one.pod, one.size);
      const isFree = !model.pods.has(one.pod);
      expect(cache.assumePod(info, one.node)).toBe(isFree);
      if (isFree) model.pods.set(one.pod, { info, node: one.node, isAssumed: true });
      return;
    }
    case 'forgetPod':
      if (model.pods.get(one.pod)?.isAssumed === true) model.pods.delete(one.pod);
      return cache.forgetPod(infoOf(one.pod, 0));
    case 'removePod':
      model.pods.delete(one.pod);
      return cache.removePod(`default/${one.pod}`);
    case 'takeSnapshot':
      cache.takeSnapshot();
  }
}

function rebuilt(model: Model): Snapshot {
  const cache = new ClusterCache();
  for (const [name, own] of model.nodes) cache.setNode(nodeOfSize(name, own));
  for (const { info, node } of model.pods.values()) cache.setPod(info, node);
  return cache.takeSnapshot();
}

describe('ClusterCache', () => {
  it('takes snapshots that equal a rebuild from nothing', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const cache = new ClusterCache();
        const model: Model = { nodes: new Map(), pods: new Map() };
        for (const one of operations) {
          perform(cache, model, one);
          if (one.type !== 'takeSnapshot') continue;
          expect(describeSnapshot(cache.takeSnapshot())).toEqual(describeSnapshot(rebuilt(model)));
        }
        expect(describeSnapshot(cache.takeSnapshot())).toEqual(describeSnapshot(rebuilt(model)));
      }),
      { numRuns: 300 },
    );
  });

  it('copies only the nodes that have changed', () => {
    const cache = new ClusterCache();
    for (const name of NODES) cache.setNode(nodeOf(name));
    const before = [...cache.takeSnapshot().nodes];
    cache.setPod(infoOf('p0', 1), 'n2');
    const after = cache.takeSnapshot().nodes;
    expect(after.map((info, i) => info === before[i])).toEqual([true, true, false, true]);
    expect(before[2]!.pods.size).toBe(0);
    expect(after[2]!.pods.size).toBe(1);
  });

  it('takes nodes of different zones by turns', () => {
    const cache = new ClusterCache();
    const zones = { n0: 'a', n1: 'a', n2: 'a', n3: 'b', n4: 'c', n5: 'c' };
    for (const [name, zone] of Object.entries(zones)) {
      cache.setNode(nodeOf(name, { labels: { 'topology.kubernetes.io/zone': zone } }));
    }
    expect(cache.takeSnapshot().nodes.map(({ name }) => name)).toEqual(['n0', 'n3', 'n4', 'n1', 'n5', 'n2']);
  });

  it('moves a pod that was assumed on another node than it was bound to', () => {
    const cache = new ClusterCache();
    cache.setNode(nodeOf('n0'));
    cache.setNode(nodeOf('n1'));
    const info = infoOf('p0', 1);
    cache.assumePod(info, 'n0');
    expect(cache.isAssumed(info.pod)).toBe(true);
    cache.setPod(info, 'n1');
    expect(cache.isAssumed(info.pod)).toBe(false);
    expect(cache.takeSnapshot().nodes.map(({ pods }) => pods.size)).toEqual([0, 1]);
  });

  it('remembers pods of a node that comes after them', () => {
    const cache = new ClusterCache();
    cache.setPod(infoOf('p0', 1), 'n0');
    expect(cache.takeSnapshot().nodes).toEqual([]);
    cache.setNode(nodeOf('n0'));
    expect(cache.takeSnapshot().get('n0')?.requested.milliCpu).toBe(100);
  });
});

describe('ClusterCache, nodes by the affinity of their pods', () => {
  const term = { topologyKey: 'zone', labelSelector: {} };
  const anti = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  const soft = {
    podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
  };
  const lists = (cache: ClusterCache) => {
    const snapshot = cache.takeSnapshot();
    for (const node of [...snapshot.havePodsWithAffinity, ...snapshot.havePodsWithRequiredAntiAffinity]) {
      expect(snapshot.get(node.name)).toBe(node);
    }
    const names = (nodes: ReadonlySet<{ name: string }>) => [...nodes].map(({ name }) => name).sort();
    return [names(snapshot.havePodsWithAffinity), names(snapshot.havePodsWithRequiredAntiAffinity)];
  };

  it('follows pods and nodes that come and go', () => {
    const cache = new ClusterCache();
    for (const name of ['n1', 'n2', 'n3']) cache.setNode(nodeOf(name));
    expect(lists(cache)).toEqual([[], []]);
    cache.setPod(podInfoOf(podOf('a', { spec: { affinity: anti } })), 'n1');
    cache.setPod(podInfoOf(podOf('s', { spec: { affinity: soft } })), 'n2');
    cache.setPod(podInfoOf(podOf('plain')), 'n3');
    expect(lists(cache)).toEqual([['n1', 'n2'], ['n1']]);
    cache.setPod(podInfoOf(podOf('a2', { spec: { affinity: anti } })), 'n1');
    cache.removePod('default/a');
    expect(lists(cache)).toEqual([['n1', 'n2'], ['n1']]);
    cache.setNode(nodeOf('n4'));
    expect(lists(cache)).toEqual([['n1', 'n2'], ['n1']]);
    cache.removePod('default/a2');
    cache.removeNode('n2');
    expect(lists(cache)).toEqual([[], []]);
    cache.setNode(nodeOf('n2'));
    expect(lists(cache)).toEqual([['n2'], []]);
  });
});
