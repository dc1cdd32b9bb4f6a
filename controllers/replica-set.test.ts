import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import { replicaSets } from '../api/apps/v1/replica-set.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { ControllerContext } from '../client/controller.ts';
import { silentEventRecorder } from '../client/events.ts';
import { newControllerRef } from '../client/owner-references.ts';
import { requeueForAvailability } from './availability.ts';
import { ORPHANS_BY_NAMESPACE } from './pods.ts';
import { planScale, replicaSetController, replicaSetStatus } from './replica-set.ts';

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
        const next = requeueForAvailability([readyPod], { minReadySeconds: set.spec.minReadySeconds, nowMs });
        expect(next === undefined).toBe(availableReplicas === 1);
        if (next !== undefined) expect(nowMs + next.requeueAfterMs!).toBeGreaterThanOrEqual(READY_AT + 2_000);
      }),
    );
  });
});

describe('planScale()', () => {
  const many = (count: number, nodeName?: string): Pod[] =>
    Array.from({ length: count }, (_, index) => {
      const metadata = { name: `p-${index}`, uid: `u-${index}` };
      return { ...readyPod, metadata, spec: { containers: [], ...(nodeName && { nodeName }) } } as unknown as Pod;
    });
  const plan = (replicas: number, active: readonly Pod[], related: readonly Pod[] = []): [number, unknown[]] => {
    const wanted = { ...set, spec: { ...set.spec, replicas } };
    const { create, delete: doomed } = planScale(wanted, active, { related: () => related, nowMs: READY_AT });
    return [create, doomed.map(({ metadata }) => metadata.name)];
  };

  it('creates in bursts, whatever is asked for', () => {
    expect(plan(2, [])).toEqual([2, []]);
    expect(plan(2 ** 31 - 1, [])).toEqual([500, []]);
    expect(plan(2 ** 31 - 1, many(20_000, 'n'))).toEqual([500, []]);
  });

  it('creates no more than can find a node', () => {
    expect(plan(2 ** 31 - 1, many(900))).toEqual([100, []]);
    expect(plan(2 ** 31 - 1, many(1_000))).toEqual([0, []]);
    expect(plan(2 ** 31 - 1, many(5_000))).toEqual([0, []]);
  });

  it('deletes first where most related pods are', () => {
    const one = many(1, 'crowded')[0]!;
    const two = { ...many(2, 'free')[1]! };
    expect(plan(1, [two, one], [one, one])).toEqual([0, ['p-0']]);
    // Those that are going crowd no node.
    const going = { ...one, metadata: { ...one.metadata, deletionTimestamp: '2026-01-02T03:04:05Z' } };
    expect(plan(1, [two, one], [two, going, going])).toEqual([0, ['p-1']]);
    expect(plan(0, many(600, 'n'))[1]).toHaveLength(500);
  });
});

describe('the controller of ReplicaSets', () => {
  const stored = { ...set, metadata: { ...set.metadata, uid: 'rs' }, spec: { ...set.spec, replicas: 9 } } as ReplicaSet;
  const pod = (name: string, phase: string, metadata: object): Pod => ({
    ...readyPod,
    metadata: { ...readyPod.metadata, name, uid: name, ...metadata },
    status: { phase },
  });
  /** The pods that one reconcile changed. */
  async function patched(own: readonly Pod[], orphans: readonly Pod[]): Promise<string[]> {
    const names: string[] = [];
    const client = {
      get: () => Promise.resolve(stored),
      patch: (_: unknown, { name }: { name: string }) => {
        names.push(name);
        return Promise.resolve([...own, ...orphans].find(({ metadata }) => metadata.name === name));
      },
      create: (_: unknown, object: object) => Promise.resolve(object),
      update: (_: unknown, object: object) => Promise.resolve(object),
    };
    const context = {
      lister: () => ({ get: () => stored, list: () => [] }),
      byIndex: (_: unknown, index: string) => (index === ORPHANS_BY_NAMESPACE.name ? orphans : own),
      client,
      events: silentEventRecorder,
      now: () => READY_AT,
    };
    const key = { namespace: 'default', name: 'web' };
    await replicaSetController.reconcile(key, context as unknown as ControllerContext);
    return names;
  }

  it('adopts and releases pods, but not those that have ended', async () => {
    const ownerReferences = [newControllerRef(stored, replicaSets)];
    const strayed = { ownerReferences, labels: { app: 'other' } };
    const own = ['Running', 'Succeeded', 'Failed'].map((phase) => pod(`own-${phase}`, phase, strayed));
    const orphans = ['Running', 'Succeeded', 'Failed'].map((phase) => pod(`free-${phase}`, phase, {}));
    expect(await patched(own, orphans)).toEqual(['own-Running', 'free-Running']);
  });
});
