import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StatefulSet, StatefulSetSpec } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { ordinalOf, podRevision } from './identity.ts';
import type { ClaimView, Plan, Step } from './plan.ts';
import { planStatefulSet } from './plan.ts';

const NOW_MS = Date.parse('2026-01-02T03:04:05Z');
const RIGHT: ClaimView = { isStale: () => false, areComplete: () => true, areOwnedRightly: () => true };

function makeSet(spec: Partial<StatefulSetSpec> = {}, status?: StatefulSet['status']): StatefulSet {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'set' },
    spec: {
      replicas: 3,
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: {}, spec: { containers: [] } },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  } as StatefulSet;
}

type State = 'pending' | 'running' | 'ready' | 'failed' | 'succeeded' | 'terminating';

const PHASES: Record<State, string> = {
  pending: 'Pending',
  running: 'Running',
  ready: 'Running',
  failed: 'Failed',
  succeeded: 'Succeeded',
  terminating: 'Running',
};

interface MadePod {
  ordinal: number;
  state?: State;
  revision?: string;
  readyForMs?: number;
}

function makePod({ ordinal, state = 'ready', revision = 'new', readyForMs = 60_000 }: MadePod): Pod {
  const isReady = state === 'ready' || state === 'terminating';
  return {
    metadata: {
      name: `web-${ordinal}`,
      namespace: 'default',
      uid: `uid-${ordinal}`,
      labels: { 'statefulset.kubernetes.io/pod-name': `web-${ordinal}`, 'controller-revision-hash': revision },
      ...(state === 'terminating' ? { deletionTimestamp: '2026-01-02T03:04:00Z' } : {}),
    },
    spec: { containers: [] },
    status: {
      phase: PHASES[state],
      conditions: [
        {
          type: 'Ready',
          status: isReady ? 'True' : 'False',
          lastTransitionTime: new Date(NOW_MS - readyForMs).toISOString(),
        },
      ],
    },
  } as Pod;
}

const plan = (set: StatefulSet, pods: Pod[], claims: ClaimView = RIGHT): Plan =>
  planStatefulSet(set, pods, { updateRevision: 'new', claims, nowMs: NOW_MS });

const told = (step: Step): string =>
  step.type === 'create'
    ? `create ${step.ordinal}${step.revision === 'current' ? ' current' : ''}`
    : `${step.type} ${ordinalOf(step.pod)}`;
const stepsOf = ({ replicas, claims, condemned, update }: Plan): string[] =>
  [...replicas, ...claims, ...condemned, ...update].map(told);
const steps = (spec: Partial<StatefulSetSpec>, pods: MadePod[], claims?: ClaimView): string[] =>
  stepsOf(plan(makeSet(spec), pods.map(makePod), claims));

const parallel = { podManagementPolicy: 'Parallel' };
const rolling = (rollingUpdate: object | undefined): Partial<StatefulSetSpec> => ({
  updateStrategy: { type: 'RollingUpdate', ...(rollingUpdate === undefined ? {} : { rollingUpdate }) },
});
const trio = (...states: State[]): MadePod[] => states.map((state, ordinal) => ({ ordinal, state }));
const old = (pods: MadePod[]): MadePod[] => pods.map((pod) => ({ ...pod, revision: 'old' }));

describe('planStatefulSet() with an order', () => {
  it('creates one pod at a time, from the first', () => {
    expect(steps({}, [])).toEqual(['create 0']);
    expect(steps({}, trio('ready'))).toEqual(['create 1']);
    expect(steps({}, trio('ready', 'ready', 'ready'))).toEqual([]);
  });

  it('fills a gap before it goes on', () => {
    expect(steps({}, [{ ordinal: 0 }, { ordinal: 2 }])).toEqual(['create 1']);
  });

  it('waits for a pod that is not ready, or not for long enough, or going', () => {
    expect(steps({}, trio('running'))).toEqual([]);
    expect(steps({ minReadySeconds: 30 }, [{ ordinal: 0, readyForMs: 29_000 }])).toEqual([]);
    expect(steps({ minReadySeconds: 30 }, [{ ordinal: 0, readyForMs: 30_000 }])).toEqual(['create 1']);
    expect(steps({}, trio('terminating'))).toEqual([]);
  });

  it('replaces a pod that has ended, however it ended', () => {
    expect(steps({}, trio('ready', 'failed'))).toEqual(['delete 1']);
    expect(steps({}, trio('succeeded', 'ready'))).toEqual(['delete 0']);
  });

  it('counts from its first ordinal', () => {
    expect(steps({ ordinals: { start: 5 } }, [{ ordinal: 5 }])).toEqual(['create 6']);
    expect(steps({ ordinals: { start: 5 }, replicas: 1 }, [{ ordinal: 5 }, { ordinal: 0 }])).toEqual(['delete 0']);
  });

  it('shrinks from its end, one at a time, when all are well', () => {
    expect(steps({ replicas: 1 }, trio('ready', 'ready', 'ready'))).toEqual(['delete 2']);
    expect(steps({ replicas: 1 }, trio('running', 'ready', 'ready'))).toEqual([]);
    expect(steps({ replicas: 1 }, trio('ready', 'ready', 'terminating'))).toEqual([]);
    expect(steps({ replicas: 0 }, trio('ready', 'running', 'ready'))).toEqual(['delete 2']);
    expect(steps({ replicas: 0 }, trio('ready', 'running', 'running'))).toEqual([]);
    expect(steps({ replicas: 0 }, trio('ready', 'ready', 'running'))).toEqual(['delete 2']);
    expect(steps({ replicas: 0 }, trio('ready', 'failed', 'failed'))).toEqual(['delete 2']);
    expect(steps({ replicas: 0 }, trio('ready', 'failed', 'running'))).toEqual(['delete 2']);
  });

  it('updates from its end, one at a time, when all are well', () => {
    const pods = old(trio('ready', 'ready', 'ready'));
    expect(steps({}, pods)).toEqual(['delete 2']);
    expect(steps({}, [...pods.slice(0, 2), { ordinal: 2 }])).toEqual(['delete 1']);
    expect(steps({}, [...pods.slice(0, 2), { ordinal: 2, state: 'running' }])).toEqual([]);
  });

  it('shrinks before it updates', () => {
    expect(steps({ replicas: 2 }, old(trio('ready', 'ready', 'ready')))).toEqual(['delete 2']);
    expect(steps({ replicas: 2 }, old(trio('ready', 'ready', 'terminating')))).toEqual([]);
  });

  it('leaves pods below the partition as they are', () => {
    const pods = old(trio('ready', 'ready', 'ready'));
    expect(steps(rolling({ partition: 3 }), pods)).toEqual([]);
    expect(steps(rolling({ partition: 2 }), pods)).toEqual(['delete 2']);
    expect(steps(rolling({ partition: 2 }), [...pods.slice(0, 2), { ordinal: 2 }])).toEqual([]);
    expect(steps(rolling({ partition: 1 }), [pods[0]!])).toEqual(['create 1']);
    expect(steps(rolling({ partition: 2 }), [pods[0]!])).toEqual(['create 1 current']);
  });

  it('makes as many pods of the current revision as there were, while no partition is given', () => {
    const set = makeSet(rolling(undefined), { replicas: 3, currentReplicas: 2 });
    expect(stepsOf(plan(set, [makePod({ ordinal: 0 })]))).toEqual(['create 1 current']);
    expect(stepsOf(plan(set, [makePod({ ordinal: 0 }), makePod({ ordinal: 1 })]))).toEqual(['create 2']);
  });

  it('leaves outdated pods alone when they are updated on deletion', () => {
    expect(steps({ updateStrategy: { type: 'OnDelete' } }, old(trio('ready', 'ready', 'ready')))).toEqual([]);
  });

  it('updates as many at once as may be unavailable', () => {
    const pods = old(trio('ready', 'ready', 'ready'));
    expect(steps(rolling({ partition: 0, maxUnavailable: 2 }), pods)).toEqual(['delete 2', 'delete 1']);
    expect(steps(rolling({ partition: 0, maxUnavailable: '10%' }), pods)).toEqual(['delete 2']);
    expect(steps(rolling({ partition: 0, maxUnavailable: '100%' }), pods)).toHaveLength(3);
    expect(steps(rolling({ partition: 2, maxUnavailable: 3 }), pods)).toEqual(['delete 2']);
  });

  it('does nothing for a set that is being deleted', () => {
    const set = makeSet();
    set.metadata.deletionTimestamp = '2026-01-02T03:04:00Z';
    expect(stepsOf(plan(set, []))).toEqual([]);
  });

  it('mends the labels of a pod that is well', () => {
    const stripped = makePod({ ordinal: 0 });
    stripped.metadata.labels = { 'controller-revision-hash': 'new' };
    expect(stepsOf(plan(makeSet({ replicas: 1 }), [stripped]))).toEqual(['correct 0']);
  });
});

describe('planStatefulSet() in parallel', () => {
  it('creates and deletes all at once, whatever the others do', () => {
    expect(steps(parallel, [])).toEqual(['create 0', 'create 1', 'create 2']);
    expect(steps(parallel, trio('running'))).toEqual(['create 1', 'create 2']);
    expect(steps({ ...parallel, replicas: 0 }, trio('running', 'terminating', 'ready'))).toEqual([
      'delete 2',
      'delete 0',
    ]);
  });

  it('creates no more in one go than a batch, however many are wanted', () => {
    expect(steps({ ...parallel, replicas: 2 ** 31 - 1 }, [])).toHaveLength(500);
    expect(steps({ replicas: 2 ** 31 - 1 }, [])).toEqual(['create 0']);
    const waiting = Array.from({ length: 990 }, (_, i): MadePod => ({ ordinal: i, state: 'pending' }));
    expect(steps({ ...parallel, replicas: 2 ** 31 - 1 }, waiting)).toHaveLength(10);
    const far: MadePod = { ordinal: 2 ** 31 - 2, state: 'failed' };
    expect(steps({ ...parallel, replicas: 2 ** 31 - 1 }, [...waiting, far])[0]).toBe('delete 2147483646');
  });

  it('updates one at a time, but a pod that serves nobody at once', () => {
    expect(steps(parallel, old(trio('ready', 'ready', 'running')))).toEqual(['delete 2']);
    expect(steps(parallel, old(trio('running', 'ready', 'ready')))).toEqual(['delete 2']);
    expect(steps(parallel, [...old(trio('ready', 'ready')), { ordinal: 2, state: 'running' }])).toEqual([]);
  });

  it('takes broken outdated pods first when several may be unavailable', () => {
    const spec = { ...parallel, ...rolling({ partition: 0, maxUnavailable: 2 }) };
    expect(steps(spec, old(trio('running', 'ready', 'ready')))).toEqual(['delete 0', 'delete 2']);
    expect(steps(spec, old(trio('running', 'running', 'ready')))).toEqual(['delete 1', 'delete 0']);
  });
});

describe('planStatefulSet() with claims', () => {
  it('waits for the claims of an earlier pod to go', () => {
    expect(steps({}, trio('ready'), { ...RIGHT, isStale: (ordinal) => ordinal === 1 })).toEqual([]);
    expect(steps(parallel, [], { ...RIGHT, isStale: (ordinal) => ordinal === 1 })).toEqual(['create 0', 'create 2']);
  });

  it('makes the claims that a pending pod waits for', () => {
    const claims = { ...RIGHT, areComplete: () => false };
    expect(steps({}, trio('pending'), claims)).toEqual(['complete-claims 0']);
    expect(steps({}, trio('ready', 'ready', 'ready'), claims)).toEqual([]);
  });

  it('hands over the claims of a pod before the pod goes', () => {
    const claims = { ...RIGHT, areOwnedRightly: (pod: Pod) => ordinalOf(pod) !== 2 };
    expect(steps({ replicas: 2 }, trio('ready', 'ready', 'ready'), claims)).toEqual(['complete-claims 2', 'delete 2']);
  });
});

/** A world that does what is planned, and where anything may happen to pods in between. */
class World {
  pods: Pod[] = [];
  set: StatefulSet;
  constructor(set: StatefulSet) {
    this.set = set;
  }

  apply({ replicas, condemned, update }: Plan): void {
    for (const step of [...replicas, ...condemned, ...update]) {
      if (step.type === 'create') this.#create(step.ordinal, step.revision);
      if (step.type === 'delete') this.change(ordinalOf(step.pod), 'terminating');
    }
  }

  #create(ordinal: number, revision: 'current' | 'update'): void {
    expect(this.pods.map(ordinalOf)).not.toContain(ordinal);
    const made = makePod({ ordinal, state: 'pending', revision: revision === 'current' ? 'old' : 'new' });
    this.pods = [...this.pods, made].sort((a, b) => ordinalOf(a) - ordinalOf(b));
  }

  /** A terminating pod only goes. */
  change(ordinal: number, state: State | 'gone'): void {
    this.pods = this.pods.flatMap((pod) => {
      if (ordinalOf(pod) !== ordinal) return [pod];
      const isTerminating = pod.metadata.deletionTimestamp !== undefined;
      if (state === 'gone') return isTerminating ? [] : [pod];
      return isTerminating ? [pod] : [makePod({ ordinal, state, revision: podRevision(pod) })];
    });
  }

  isAvailable(ordinal: number): boolean {
    const pod = this.pods.find((one) => ordinalOf(one) === ordinal);
    return pod !== undefined && stateOf(pod) === 'ready';
  }
}

function stateOf({ metadata, status }: Pod): State {
  if (metadata.deletionTimestamp !== undefined) return 'terminating';
  if (status?.phase === 'Running') return status.conditions![0]!.status === 'True' ? 'ready' : 'running';
  return (status!.phase!.toLowerCase() as State) ?? 'pending';
}

const anyWorld = fc.record({
  replicas: fc.integer({ min: 0, max: 6 }),
  start: fc.integer({ min: 0, max: 3 }),
  partition: fc.integer({ min: 0, max: 6 }),
  maxUnavailable: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  isParallel: fc.boolean(),
  pods: fc.uniqueArray(
    fc.record({
      ordinal: fc.integer({ min: 0, max: 9 }),
      state: fc.constantFrom<State>('pending', 'running', 'ready', 'ready', 'failed', 'succeeded', 'terminating'),
      revision: fc.constantFrom('old', 'new'),
    }),
    { selector: ({ ordinal }) => ordinal, maxLength: 8 },
  ),
});

type AnyWorld = typeof anyWorld extends fc.Arbitrary<infer T> ? T : never;

function worldOf({ replicas, start, partition, maxUnavailable, isParallel, pods }: AnyWorld): World {
  const rollingUpdate = { partition, ...(maxUnavailable === undefined ? {} : { maxUnavailable }) };
  const world = new World(
    makeSet({
      replicas,
      ordinals: { start },
      podManagementPolicy: isParallel ? 'Parallel' : 'OrderedReady',
      ...rolling(rollingUpdate),
    }),
  );
  world.pods = pods.map(makePod).sort((a, b) => ordinalOf(a) - ordinalOf(b));
  return world;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

function checkPlan(world: World, { replicas, start, partition, maxUnavailable, isParallel }: AnyWorld): void {
  const { replicas: replicaSteps, condemned, update } = plan(world.set, world.pods);
  const wanted = range(start, start + replicas);
  for (const step of replicaSteps) {
    if (step.type !== 'create') continue;
    expect(wanted).toContain(step.ordinal);
    expect(step.revision).toBe(step.ordinal < start + partition ? 'current' : 'update');
    if (!isParallel) expect(range(start, step.ordinal).every((ordinal) => world.isAvailable(ordinal))).toBe(true);
  }
  const creates = replicaSteps.filter(({ type }) => type === 'create');
  if (!isParallel) expect(creates.length + condemned.length + update.length).toBeLessThanOrEqual(maxUnavailable ?? 1);
  for (const step of condemned) expect(wanted).not.toContain(ordinalOf((step as { pod: Pod }).pod));
  if (!isParallel && condemned.length > 0) expect(wanted.every((ordinal) => world.isAvailable(ordinal))).toBe(true);
  const replaced = update.map((step) => (step as { pod: Pod }).pod);
  for (const pod of replaced) {
    expect(podRevision(pod)).toBe('old');
    expect(ordinalOf(pod)).toBeGreaterThanOrEqual(start + partition);
  }
  // Of those that serve, only as many as may be missing.
  const serving = replaced.filter((pod) => stateOf(pod) === 'ready').length;
  const missing = wanted.filter((ordinal) => !world.isAvailable(ordinal)).length;
  if (maxUnavailable !== undefined && serving > 0) expect(missing + serving).toBeLessThanOrEqual(maxUnavailable);
  expect(serving).toBeLessThanOrEqual(maxUnavailable ?? 1);
}

const anyChange = fc.record({
  ordinal: fc.integer({ min: 0, max: 9 }),
  state: fc.constantFrom<State | 'gone'>('running', 'ready', 'failed', 'terminating', 'gone'),
});

describe('planStatefulSet() in any world', () => {
  it('keeps order, partition and the number that may be unavailable, whatever happens to pods', () => {
    fc.assert(
      fc.property(anyWorld, fc.array(anyChange, { maxLength: 30 }), (any, changes) => {
        const world = worldOf(any);
        for (const { ordinal, state } of changes) {
          checkPlan(world, any);
          world.apply(plan(world.set, world.pods));
          world.change(ordinal, state);
        }
        checkPlan(world, any);
      }),
      { numRuns: 300 },
    );
  });

  it('comes to rest with the wanted pods, updated above the partition, once pods become ready and go when told', () => {
    fc.assert(
      fc.property(anyWorld, (any) => {
        const world = worldOf(any);
        let rounds = 0;
        for (; rounds < 200; rounds++) {
          for (const pod of world.pods)
            world.change(ordinalOf(pod), stateOf(pod) === 'terminating' ? 'gone' : recovered(stateOf(pod)));
          const next = plan(world.set, world.pods);
          if (stepsOf(next).length === 0 && world.pods.every((pod) => stateOf(pod) === 'ready')) break;
          world.apply(next);
        }
        expect(rounds).toBeLessThan(200);
        expect(world.pods.map(ordinalOf)).toEqual(range(any.start, any.start + any.replicas));
        const updated = world.pods.filter((pod) => ordinalOf(pod) >= any.start + any.partition);
        expect(updated.every((pod) => podRevision(pod) === 'new')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

/** What has ended stays so until it is deleted. */
function recovered(state: State): State {
  return state === 'failed' || state === 'succeeded' ? state : 'ready';
}
