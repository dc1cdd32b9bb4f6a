import { describe, expect, it } from '@jest/globals';
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { statefulSetStatus } from './status.ts';

const NOW_MS = Date.parse('2026-01-02T03:04:05Z');
const set = {
  metadata: { name: 'web', generation: 4 },
  spec: { replicas: 2, minReadySeconds: 10, updateStrategy: { type: 'RollingUpdate' } },
  status: { replicas: 0, availableReplicas: 0, conditions: [{ type: 'Mine', status: 'True' }] },
} as unknown as StatefulSet;
const about = { currentRevision: 'old', updateRevision: 'new', collisionCount: 0, replaced: [], nowMs: NOW_MS };

function makePod(revision: string, { readyForMs, isGoing = false }: { readyForMs?: number; isGoing?: boolean }): Pod {
  const lastTransitionTime = new Date(NOW_MS - (readyForMs ?? 0)).toISOString();
  return {
    metadata: {
      uid: `${revision}-${readyForMs}`,
      labels: { 'controller-revision-hash': revision },
      ...(isGoing ? { deletionTimestamp: '2026-01-02T03:04:05Z' } : {}),
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: readyForMs === undefined ? 'False' : 'True', lastTransitionTime }],
    },
  } as unknown as Pod;
}

describe('statefulSetStatus()', () => {
  it('counts pods by readiness and revision, and leaves conditions as they are', () => {
    const pods = [makePod('old', { readyForMs: 20_000 }), makePod('new', { readyForMs: 5_000 })];
    expect(statefulSetStatus(set, pods, about)).toEqual({
      observedGeneration: 4,
      replicas: 2,
      readyReplicas: 2,
      availableReplicas: 1,
      currentReplicas: 1,
      updatedReplicas: 1,
      currentRevision: 'old',
      updateRevision: 'new',
      collisionCount: 0,
      conditions: [{ type: 'Mine', status: 'True' }],
    });
  });

  it('counts a pod that goes, or has just been replaced, for no revision', () => {
    const going = makePod('new', { readyForMs: 20_000, isGoing: true });
    const replaced = makePod('old', {});
    const status = statefulSetStatus(set, [going, replaced], { ...about, replaced: [replaced] });
    expect(status).toMatchObject({ replicas: 2, readyReplicas: 1, availableReplicas: 1 });
    expect([status.currentReplicas, status.updatedReplicas]).toEqual([undefined, undefined]);
  });

  it('is complete when every wanted pod is updated and ready: the revision is the current one', () => {
    const pods = [makePod('new', { readyForMs: 1 }), makePod('new', { readyForMs: 2 })];
    expect(statefulSetStatus(set, pods, about)).toMatchObject({ currentRevision: 'new', currentReplicas: 2 });
    const onDelete = { ...set, spec: { ...set.spec, updateStrategy: { type: 'OnDelete' } } };
    expect(statefulSetStatus(onDelete, pods, about)).toMatchObject({ currentRevision: 'old', updatedReplicas: 2 });
    expect(statefulSetStatus(set, pods.slice(1), about)).toMatchObject({ currentRevision: 'old' });
  });
});
