import { describe, expect, it } from '@jest/globals';
import { ClusterCache } from './cluster-cache.ts';
import { NodeChanges } from './node-changes.ts';
import type { NodeInfo } from './node-info.ts';
import { nodeOf } from './objects-for-tests.ts';

describe('NodeChanges', () => {
  it('forgets the oldest, and says so', () => {
    const changes = new NodeChanges();
    const node = (name: string): NodeInfo => cacheOf(name).takeSnapshot().nodes[0]!;
    const [a, b] = [node('a'), node('b')];
    changes.record(a, a);
    expect(changes.count).toBe(0);
    for (let i = 0; i < 4_000; i++) changes.record(a, b);
    changes.record(b, undefined);
    expect(changes.count).toBe(4_001);
    expect(changes.since(4_001)).toEqual([]);
    expect(changes.since(4_000)).toEqual([{ before: b, after: undefined }]);
    expect(changes.since(2_001)).toHaveLength(2_000);
    expect(changes.since(2_000)).toBeUndefined();
    expect(changes.since(0)).toBeUndefined();
  });
});

function cacheOf(name: string): ClusterCache {
  const cache = new ClusterCache();
  cache.setNode(nodeOf(name));
  return cache;
}
