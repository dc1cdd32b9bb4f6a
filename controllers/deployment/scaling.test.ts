import { describe, expect, it } from '@jest/globals';
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { oldSetResizes } from './scaling.ts';

const deployment = {
  metadata: { name: 'web' },
  spec: { replicas: 8, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } } },
} as unknown as Deployment;

function set(name: string, replicas: number, availableReplicas: number): ReplicaSet {
  const metadata = { name, creationTimestamp: `2026-01-01T00:00:0${name}Z` };
  return { metadata, spec: { replicas }, status: { replicas, availableReplicas } } as unknown as ReplicaSet;
}

describe('oldSetResizes()', () => {
  it('takes away what is available beyond the minimum', () => {
    const old = set('1', 4, 4);
    expect(oldSetResizes(deployment, set('2', 6, 5), [old])).toEqual([{ set: old, replicas: 2 }]);
  });

  // Simulation, seed 51: a ReplicaSet's status counted a pod that it had just deleted.
  it('waits while an old set says that more pods are available than it is to have', () => {
    const old = set('1', 3, 4);
    expect(oldSetResizes(deployment, set('2', 7, 5), [old])).toEqual([]);
  });
});
