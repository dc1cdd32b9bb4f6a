import { describe, expect, it } from '@jest/globals';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { defaultPodTemplate } from '../../api/core/v1/pod/defaults.ts';
import type { PodTemplateSpec } from '../../api/core/v1/pod.ts';
import { findSet, newReplicaSet, setsBeyondHistory } from './replica-sets.ts';
import { canary, RolloutModel } from './testing.ts';
import type { Rollout, RolloutStatus } from './types.ts';
import { HASH_LABEL, hashOf, REVISION, revisionOf } from './types.ts';

const template = (image: string): PodTemplateSpec => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image }] },
});

const rollout = (image: string, status: RolloutStatus = {}, paused = false): Rollout => {
  const model = new RolloutModel(canary(), { template: template(image), paused, revisionHistoryLimit: 2 });
  return { ...model.rollout, status };
};

/** As the API gives it back. */
const stored = (image: string, sets: readonly ReplicaSet[] = []): ReplicaSet => {
  const set = structuredClone(newReplicaSet(rollout(image), sets));
  defaultPodTemplate(set.spec.template);
  return set;
};

const aged = (hash: string, revision: number, replicas = 0): ReplicaSet =>
  ({
    metadata: { labels: { [HASH_LABEL]: hash }, annotations: { [REVISION]: String(revision) } },
    spec: { replicas },
  }) as unknown as ReplicaSet;

describe('newReplicaSet()', () => {
  it('selects only pods of its version, and counts on from the newest revision', () => {
    const set = newReplicaSet(rollout('a'), [aged('x', 7), aged('y', 3)]);
    const hash = hashOf(set);
    expect(set.metadata.name).toBe(`web-${hash}`);
    expect(set.spec.selector.matchLabels).toEqual({ app: 'web', [HASH_LABEL]: hash });
    expect(set.spec.template.metadata?.labels).toEqual({ app: 'web', [HASH_LABEL]: hash });
    expect([set.spec.replicas, revisionOf(set)]).toEqual([0, 8]);
  });

  it('has another name after a collision', () => {
    const names = [undefined, 1, 2].map((count) => {
      const status: RolloutStatus = count === undefined ? {} : { collisionCount: count };
      return newReplicaSet(rollout('a', status), []).metadata.name;
    });
    expect(new Set(names).size).toBe(3);
  });
});

describe('findSet()', () => {
  const sets = [stored('a'), stored('b')];

  it('finds the set of a template, as it was written or as the API has made it', () => {
    expect(findSet(rollout('b'), sets)).toBe(sets[1]);
    const undone = rollout('c');
    const { metadata, ...rest } = sets[0]!.spec.template;
    const { [HASH_LABEL]: _, ...labels } = metadata!.labels!;
    undone.spec.template = { ...rest, metadata: { ...metadata, labels } };
    expect(findSet(undone, sets)).toBe(sets[0]);
    expect(findSet(rollout('c'), sets)).toBeUndefined();
  });

  it('stays with the one that is being rolled out while paused', () => {
    const status = { currentPodHash: hashOf(sets[0]!) };
    expect(findSet(rollout('b', status, true), sets)).toBe(sets[0]);
    expect(findSet(rollout('b', status), sets)).toBe(sets[1]);
  });
});

describe('setsBeyondHistory()', () => {
  it('are the oldest revisions that are empty, and neither present nor stable', () => {
    const sets = [aged('a', 1), aged('b', 2), aged('c', 3), aged('d', 4), aged('e', 5, 3), aged('f', 6)];
    const status = { currentPodHash: 'f', stableRS: 'a' };
    expect(setsBeyondHistory(rollout('x', status), sets).map(hashOf)).toEqual(['b', 'c']);
    expect(setsBeyondHistory(rollout('x', { currentPodHash: 'f' }), [aged('a', 1, 2), ...sets]).map(hashOf)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });
});
