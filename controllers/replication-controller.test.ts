import { describe, expect, it } from '@jest/globals';
import type { ReplicationController } from '../api/core/v1/replication-controller.ts';
import { podPrefix } from './pod-control.ts';
import { readAsReplicaSet, writeReplicaSet } from './replication-controller.ts';

const stored = {
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'web', namespace: 'default', uid: 'u1', resourceVersion: '7' },
  spec: {
    replicas: 2,
    minReadySeconds: 5,
    selector: { app: 'web' },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
  status: { replicas: 2, readyReplicas: 1 },
} as unknown as ReplicationController;

describe('a ReplicationController', () => {
  it('is read as a ReplicaSet and written as it was', () => {
    const set = readAsReplicaSet(stored);
    expect(set.spec.selector).toEqual({ matchLabels: { app: 'web' } });
    expect(writeReplicaSet(set)).toEqual(stored);
  });

  it('has no field for terminating pods', () => {
    const set = readAsReplicaSet(stored);
    expect(writeReplicaSet({ ...set, status: { replicas: 1, terminatingReplicas: 1 } }).status).toEqual({
      replicas: 1,
    });
  });

  it('without a selector or template, as an old one may be, is read without failing', () => {
    const { spec } = readAsReplicaSet({ ...stored, spec: { replicas: 1 } });
    expect(spec.selector).toEqual({ matchLabels: {} });
    expect(spec.template.spec?.containers).toEqual([]);
  });
});

describe('podPrefix()', () => {
  it('ends with a dash unless that is too long', () => {
    expect(podPrefix('web')).toBe('web-');
    expect(podPrefix('x'.repeat(252))).toHaveLength(253);
    expect(podPrefix('x'.repeat(253))).toHaveLength(253);
  });
});
