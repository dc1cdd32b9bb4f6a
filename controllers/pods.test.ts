import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../api/core/v1/pod.ts';
import { deletionCost, sortForDeletion } from './pods.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const secondsAgo = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

interface Facts {
  node?: string;
  phase?: string;
  readyFor?: number;
  cost?: string;
  restarts?: number;
  sidecarRestarts?: number;
  age?: number;
}

const pod = (uid: string, facts: Facts = {}): Pod => {
  const { node = 'n', phase = 'Running', readyFor, cost, restarts = 0, sidecarRestarts = 0, age = 100 } = facts;
  const ready =
    readyFor === undefined
      ? { type: 'Ready', status: 'False' }
      : { type: 'Ready', status: 'True', lastTransitionTime: secondsAgo(readyFor) };
  return {
    metadata: {
      uid,
      name: uid,
      creationTimestamp: secondsAgo(age),
      ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: {
      containers: [{ name: 'c' }],
      initContainers: [{ name: 'side', restartPolicy: 'Always' }, { name: 'init' }],
      ...(node === '' ? {} : { nodeName: node }),
    },
    status: {
      phase,
      conditions: [ready],
      containerStatuses: [{ name: 'c', restartCount: restarts }],
      initContainerStatuses: [
        { name: 'side', restartCount: sidecarRestarts },
        { name: 'init', restartCount: 100 },
      ],
    },
  } as unknown as Pod;
};

describe('sortForDeletion()', () => {
  const order = (pods: readonly Pod[], colocated: Record<string, number> = {}): unknown[] =>
    sortForDeletion(pods, new Map(Object.entries(colocated)), NOW).map(({ metadata }) => metadata.uid);

  // In each, every later criterion speaks for the other one.
  it.each<[string, Facts, Facts]>([
    ['without a node', { node: '', age: 900 }, { phase: 'Pending', age: 1 }],
    ['pending', { phase: 'Pending', age: 900 }, { phase: 'Unknown', age: 1 }],
    ['of unknown phase', { phase: 'Unknown', age: 900 }, { age: 1 }],
    ['not ready', { cost: '5' }, { readyFor: 1, cost: '-5' }],
    ['cheap', { readyFor: 900, cost: '-5' }, { readyFor: 1, node: 'crowded' }],
    ['on a crowded node', { readyFor: 900, node: 'crowded' }, { readyFor: 1 }],
    ['ready for a short time', { readyFor: 10, restarts: 0 }, { readyFor: 900, restarts: 9 }],
    ['often restarted', { restarts: 9, age: 900 }, { sidecarRestarts: 9, age: 1 }],
    ['with sidecars often restarted', { sidecarRestarts: 9, age: 900 }, { age: 1 }],
    ['young', { age: 10 }, { age: 900 }],
  ])('takes a pod that is %s first', (_what, first, second) => {
    // The uids speak for the second.
    const pods = [pod('a', second), pod('b', first)];
    expect(order(pods, { crowded: 2, n: 1 })).toEqual(['b', 'a']);
    expect(order([...pods].reverse(), { crowded: 2, n: 1 })).toEqual(['b', 'a']);
  });

  it('counts ages of about the same length as one', () => {
    const pods = [pod('b', { readyFor: 101 }), pod('a', { readyFor: 100 }), pod('c', { readyFor: 102, restarts: 9 })];
    expect(order(pods)).toEqual(['c', 'a', 'b']);
  });

  it('sorts, whatever the pods', () => {
    const facts = fc.record({
      node: fc.constantFrom('', 'n', 'm'),
      phase: fc.constantFrom('Pending', 'Running', 'Unknown'),
      readyFor: fc.constantFrom(undefined, 0, 1, 100, 110),
      cost: fc.constantFrom('0', '1', '-1', 'x'),
      restarts: fc.nat(2),
      age: fc.constantFrom(0, 1, 100, 110),
    });
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 8 }), (all) => {
        const pods = all.map((one, index) => pod(`u${index}`, one as Facts));
        const sorted = order(pods, { m: 2 });
        expect(order([...pods].reverse(), { m: 2 })).toEqual(sorted);
        expect([...sorted].sort()).toEqual(pods.map(({ metadata }) => metadata.uid).sort());
      }),
    );
  });
});

describe('deletionCost()', () => {
  it.each([
    ['7', 7],
    ['-7', -7],
    ['0', 0],
    ['2147483647', 2147483647],
    ['2147483648', 0],
    ['-2147483648', -2147483648],
    ['+7', 0],
    ['007', 0],
    ['1.5', 0],
    ['1e3', 0],
    ['', 0],
  ])('of %j is %d', (cost, expected) => {
    expect(deletionCost(pod('a', { cost }))).toBe(expected);
  });
});
