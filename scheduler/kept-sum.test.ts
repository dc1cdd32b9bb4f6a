import { describe, expect, it } from '@jest/globals';
import { ClusterCache } from './cluster-cache.ts';
import { KeptSum } from './kept-sum.ts';
import type { NodeInfo } from './node-info.ts';
import { nodeOf, podOf } from './objects-for-tests.ts';
import { podInfoOf } from './pod-info.ts';

/** Names of nodes with their numbers of pods; counts how often it was made. */
function podCounts() {
  const made = { times: 0 };
  const kept = new KeptSum(() => {
    made.times++;
    const counts = new Map<string, number>();
    return {
      counts,
      add: (node: NodeInfo) => void counts.set(node.name, (counts.get(node.name) ?? 0) + node.pods.size),
      remove: (node: NodeInfo) => {
        expect(counts.get(node.name)).toBe(node.pods.size);
        counts.delete(node.name);
      },
    };
  });
  return {
    made,
    over: (cache: ClusterCache) => Object.fromEntries([...kept.over(cache.takeSnapshot()).counts].sort()),
  };
}

describe('KeptSum', () => {
  it('follows nodes and pods without summing up anew', () => {
    const cache = new ClusterCache();
    for (const name of ['a', 'b', 'c']) cache.setNode(nodeOf(name));
    const { made, over } = podCounts();
    expect(over(cache)).toEqual({ a: 0, b: 0, c: 0 });
    const summedUp = made.times;
    cache.setPod(podInfoOf(podOf('p')), 'a');
    expect(over(cache)).toEqual({ a: 1, b: 0, c: 0 });
    cache.setPod(podInfoOf(podOf('p')), 'b');
    expect(over(cache)).toEqual({ a: 0, b: 1, c: 0 });
    cache.removeNode('b');
    expect(over(cache)).toEqual({ a: 0, c: 0 });
    cache.setNode(nodeOf('b'));
    expect(over(cache)).toEqual({ a: 0, b: 1, c: 0 });
    cache.removePod('default/p');
    cache.setNode(nodeOf('a', { labels: { 'topology.kubernetes.io/zone': 'z' } }));
    expect(over(cache)).toEqual({ a: 0, b: 0, c: 0 });
    expect(made.times).toBe(summedUp);
  });

  it('sums up anew over the nodes of another cache, and after too many changes', () => {
    const cache = new ClusterCache();
    cache.setNode(nodeOf('a'));
    cache.takeSnapshot();
    const other = new ClusterCache();
    other.setNode(nodeOf('b'));
    const { over } = podCounts();
    expect(over(cache)).toEqual({ a: 0 });
    expect(over(other)).toEqual({ b: 0 });
    for (let i = 0; i < 5_000; i++) {
      other.setPod(podInfoOf(podOf(`p${i % 2}`)), 'b');
      other.takeSnapshot();
    }
    expect(over(other)).toEqual({ b: 2 });
  });
});
