import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { nextAvailability, replicaSetStatus } from './replica-set.ts';

const READY_AT = Date.parse('2026-01-02T03:04:05Z');

const set = {
  metadata: { name: 'web', namespace: 'default', generation: 1 },
  spec: { replicas: 1, minReadySeconds: 2, selector: { matchLabels: { app: 'web' } }, template: {} },
} as unknown as ReplicaSet;

const readyPod = {
  metadata: { name: 'web-1', namespace: 'default', labels: { app: 'web' } },
  spec: { containers: [] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date(READY_AT).toISOString() }],
  },
} as unknown as Pod;

describe('a pod that is ready and not available yet', () => {
  it('is looked at again whenever the status does not count it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -500, max: 3_000 }), (afterMs) => {
        const nowMs = READY_AT + afterMs;
        const { availableReplicas = 0 } = replicaSetStatus(set, [readyPod], { failure: undefined, nowMs });
        const next = nextAvailability(set, [readyPod], nowMs);
        expect(next === undefined).toBe(availableReplicas === 1);
        if (next !== undefined) expect(nowMs + next.requeueAfterMs).toBeGreaterThanOrEqual(READY_AT + 2_000);
      }),
    );
  });
});
