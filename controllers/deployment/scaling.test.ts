import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { DESIRED_REPLICAS, MAX_REPLICAS, replicaAnnotations, REVISION } from './annotations.ts';
import { resolveFenceposts } from './bounds.ts';
import { setsBeyondHistory } from './replica-sets.ts';
import {
  activeOrLatest,
  isScalingEvent,
  newSetReplicas,
  oldSetResizes,
  proportionalResizes,
  scaleResizes,
} from './scaling.ts';

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

const rolling = (replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment =>
  ({
    metadata: { name: 'web' },
    spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } },
  }) as unknown as Deployment;

/** Sized for a deployment of another size. */
function sizedFor(base: ReplicaSet, desired: number, max: number): ReplicaSet {
  const annotations = { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(max) };
  return { ...base, metadata: { ...base.metadata, annotations } };
}

describe('resolveFenceposts()', () => {
  it.each([
    [rolling(10, '25%', '25%'), { maxSurge: 3, maxUnavailable: 2 }],
    [rolling(1, '25%', '25%'), { maxSurge: 1, maxUnavailable: 0 }],
    [rolling(2, 0, '10%'), { maxSurge: 0, maxUnavailable: 1 }],
    [rolling(2 ** 31 - 1, '25%', '25%'), { maxSurge: 536_870_912, maxUnavailable: 536_870_911 }],
  ])('of %j', (one, expected) => {
    expect(resolveFenceposts(one)).toEqual(expected);
  });
});

describe('newSetReplicas()', () => {
  it('fills the surge, and no more than is wanted', () => {
    expect(newSetReplicas(rolling(8, 2, 0), 0, [set('1', 8, 8)])).toBe(2);
    expect(newSetReplicas(rolling(8, 2, 0), 7, [set('1', 1, 1)])).toBe(8);
    expect(newSetReplicas(rolling(8, 2, 0), 2, [set('1', 8, 8)])).toBe(2);
    expect(newSetReplicas(rolling(8, '100%', 0), 0, [set('1', 8, 8)])).toBe(8);
  });

  it('is the whole size at once without a rolling update', () => {
    const recreate = { ...rolling(8, 2, 0), spec: { replicas: 8, strategy: { type: 'Recreate' } } } as Deployment;
    expect(newSetReplicas(recreate, 0, [set('1', 8, 8)])).toBe(8);
  });

  it('never goes above the surge, nor old sets below the minimum', () => {
    const numbers = fc.tuple(
      fc.integer({ min: 1, max: 30 }),
      fc.nat(10),
      fc.nat(10),
      fc.nat(30),
      fc.nat(30),
      fc.nat(30),
    );
    fc.assert(
      fc.property(numbers, ([desired, maxSurge, unavailable, newSize, oldSize, ready]) => {
        const one = rolling(desired, maxSurge, unavailable);
        const { maxSurge: surge, maxUnavailable } = resolveFenceposts(one);
        const newSet = set('2', newSize, Math.min(ready, newSize));
        const old = set('1', oldSize, Math.min(ready, oldSize));
        const grown = newSetReplicas(one, newSize, [old]);
        if (grown > newSize) expect(grown + oldSize).toBeLessThanOrEqual(desired + surge);
        const available = Math.min(ready, newSize) + Math.min(ready, oldSize);
        const [resize] = oldSetResizes(one, newSet, [old]);
        if (resize === undefined) return;
        // At worst every pod that goes was an available one.
        const left = Math.min(Math.min(ready, oldSize), resize.replicas) + Math.min(ready, newSize);
        expect(left).toBeGreaterThanOrEqual(Math.min(available, desired - maxUnavailable));
      }),
    );
  });
});

describe('proportionalResizes()', () => {
  it('shares what is added in proportion, the rest to the largest', () => {
    const sets = [sizedFor(set('1', 8, 8), 10, 13), sizedFor(set('2', 5, 5), 10, 13)];
    const sizes = proportionalResizes(rolling(30, 3, 2), sets).map(({ set: { metadata }, replicas }) => [
      metadata.name,
      replicas,
    ]);
    expect(sizes).toEqual([
      ['1', 20],
      ['2', 13],
    ]);
  });

  it('adds up to what is allowed', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 60 }), (all, desired) => {
        const before = all.reduce((sum, size) => sum + size, 0);
        const sets = all.map((size, index) => sizedFor(set(String(index), size, size), before, before));
        const after = proportionalResizes(rolling(desired, 2, 0), sets).reduce(
          (sum, { replicas }) => sum + replicas,
          0,
        );
        expect(after).toBe(desired + 2);
      }),
    );
  });
});

describe('isScalingEvent(), activeOrLatest()', () => {
  it('sees a size that the sets were not made for', () => {
    expect(isScalingEvent(rolling(5, 1, 0), [sizedFor(set('1', 4, 4), 4, 5)])).toBe(true);
    expect(isScalingEvent(rolling(4, 1, 0), [sizedFor(set('1', 4, 4), 4, 5)])).toBe(false);
    expect(isScalingEvent(rolling(5, 1, 0), [sizedFor(set('1', 0, 0), 4, 5)])).toBe(false);
  });

  it('knows the one set that has pods, or the newest', () => {
    const [old, older, empty] = [set('2', 3, 3), set('1', 1, 1), set('3', 0, 0)];
    expect(activeOrLatest(empty, [old])).toBe(old);
    expect(activeOrLatest(empty, [old, older])).toBeUndefined();
    expect(activeOrLatest(empty, [])).toBe(empty);
    expect(activeOrLatest(undefined, [set('1', 0, 0), empty])).toBe(empty);
  });
});

describe('scaleResizes()', () => {
  /** As the controller writes them. */
  const scaled = (one: Deployment, newSet: ReplicaSet, old: ReplicaSet): [ReplicaSet, ReplicaSet] => {
    const resizes = scaleResizes(one, newSet, [old]);
    const next = (base: ReplicaSet): ReplicaSet => {
      const replicas = resizes.find((resize) => resize.set === base)?.replicas;
      if (replicas === undefined) return base;
      const metadata = { ...base.metadata, annotations: { ...base.metadata.annotations, ...replicaAnnotations(one) } };
      return { ...base, metadata, spec: { ...base.spec, replicas } };
    };
    return [next(newSet), next(old)];
  };

  it('ends the scaling event of a rollout whose new set has the size already', () => {
    const one = rolling(2, 1, 0);
    const sets = scaled(one, sizedFor(set('2', 2, 2), 4, 5), sizedFor(set('1', 3, 3), 4, 5));
    expect(isScalingEvent(one, sets)).toBe(false);
    // The rollout takes the rest away.
    expect(sets.map(({ spec }) => spec.replicas)).toEqual([1, 2]);
  });

  it('ends that of a set which alone has pods and tells of another size', () => {
    const one = rolling(2, 1, 0);
    const sets = scaled(one, sizedFor(set('2', 2, 2), 4, 5), sizedFor(set('1', 0, 0), 4, 5));
    expect(isScalingEvent(one, sets)).toBe(false);
    expect(sets.map(({ spec }) => spec.replicas)).toEqual([2, 0]);
  });

  it('empties the old sets beside a new one that has all that is wanted', () => {
    const one = rolling(2, 1, 0);
    const [newSet, old] = [sizedFor(set('2', 2, 2), 2, 3), sizedFor(set('1', 3, 3), 4, 5)];
    expect(scaleResizes(one, newSet, [old])).toEqual([{ set: old, replicas: 0 }]);
  });
});

describe('setsBeyondHistory()', () => {
  const empty = (name: string, revision: number, extra: object = {}): ReplicaSet => {
    const base = set(name, 0, 0);
    return { ...base, metadata: { ...base.metadata, annotations: { [REVISION]: String(revision) }, ...extra } };
  };
  const names = (limit: number, sets: readonly ReplicaSet[]): unknown[] => {
    const one = { ...deployment, spec: { ...deployment.spec, revisionHistoryLimit: limit } };
    return setsBeyondHistory(one, sets).map(({ metadata }) => metadata.name);
  };
  const three = [empty('1', 9), empty('2', 1), empty('3', 2)];

  it('are the oldest revisions', () => {
    expect(names(1, three)).toEqual(['2', '3']);
    expect(names(3, three)).toEqual([]);
    expect(names(0, three)).toEqual(['2', '3', '1']);
  });

  it('spares sets with pods, and those that its controller has not seen', () => {
    const busy = { ...empty('4', 1), spec: { ...three[0]!.spec, replicas: 1 } };
    const unseen = empty('5', 1, { generation: 2 });
    expect(names(0, [busy, unseen, empty('6', 1, { deletionTimestamp: '2026-01-02T03:04:05Z' })])).toEqual([]);
  });
});
