import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { DaemonPlan, DaemonView, UpdatePlan } from './plan.ts';
import { groupByNode, planPlacement, planUpdate } from './plan.ts';

const NOW_MS = Date.parse('2026-01-02T03:04:05Z');

type State = 'pending' | 'running' | 'available' | 'failed' | 'succeeded';

interface MadePod {
  name: string;
  node: string;
  state?: State;
  isNew?: boolean;
  isGoing?: boolean;
  isUnbound?: boolean;
  ageS?: number;
}

const PHASES: Record<State, string> = {
  pending: 'Pending',
  running: 'Running',
  available: 'Running',
  failed: 'Failed',
  succeeded: 'Succeeded',
};
const time = (ms: number): string => new Date(ms).toISOString();

function makePod({
  name,
  node,
  state = 'available',
  isNew = true,
  isGoing = false,
  isUnbound,
  ageS = 60,
}: MadePod): Pod {
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }];
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
  return {
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      creationTimestamp: time(NOW_MS - ageS * 1000),
      labels: { 'controller-revision-hash': isNew ? 'new' : 'old' },
      ...(isGoing ? { deletionTimestamp: time(NOW_MS) } : {}),
    },
    spec: { containers: [], affinity: { nodeAffinity }, ...(isUnbound === true ? {} : { nodeName: node }) },
    status: {
      phase: PHASES[state],
      conditions: [
        { type: 'Ready', status: state === 'available' ? 'True' : 'False', lastTransitionTime: time(NOW_MS - 60_000) },
      ],
    },
  } as Pod;
}

interface MadeView {
  /** Nodes that want the pod. */
  nodes?: string[];
  /** Nodes where a pod may stay. */
  tainted?: string[];
  /** Nodes where none may be. */
  forbidden?: string[];
  pods?: Pod[];
  rollingUpdate?: object;
  type?: string;
}

function makeView(made: MadeView): DaemonView {
  const { nodes = [], tainted = [], forbidden = [], pods = [], rollingUpdate, type = 'RollingUpdate' } = made;
  const { maxUnavailable = 1, maxSurge = 0 } = (rollingUpdate ?? {}) as Record<string, number | string>;
  return {
    set: {
      metadata: { name: 'd', namespace: 'ns', uid: 'set' },
      spec: {
        updateStrategy: { type, ...(type === 'OnDelete' ? {} : { rollingUpdate: { maxUnavailable, maxSurge } }) },
      },
    } as unknown as DaemonSet,
    nodes: [...nodes, ...tainted, ...forbidden].sort().map((name) => ({ metadata: { name }, spec: {} }) as Node),
    podsByNode: groupByNode(pods),
    placement: ({ metadata: { name = '' } }) => ({
      shouldRun: nodes.includes(name),
      mayStay: !forbidden.includes(name),
    }),
    hash: 'new',
    nowMs: NOW_MS,
  };
}

const names = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.name!).sort();
const told = ({ create, delete: doomed }: UpdatePlan): object => ({ create, delete: names(doomed) });
const placed = (made: MadeView): object => {
  const { create, delete: doomed, failed, succeeded } = planPlacement(makeView(made), () => 0);
  return { create, delete: names([...doomed, ...failed.map(({ pod }) => pod), ...succeeded.map(({ pod }) => pod)]) };
};
const updated = (made: MadeView): object => told(planUpdate(makeView(made)));

const surge = { maxUnavailable: 0, maxSurge: 1 };

describe('planPlacement()', () => {
  it('makes a pod on every node that wants one and has none, not even one that goes', () => {
    const pods = [makePod({ name: 'p1', node: 'n1' }), makePod({ name: 'p2', node: 'n2', isGoing: true })];
    expect(placed({ nodes: ['n1', 'n2', 'n3'], tainted: ['n4'], pods })).toEqual({ create: ['n3'], delete: [] });
  });

  it('removes pods from where none may be, and lets them stay where none would be made', () => {
    const pods = ['n1', 'n2', 'n3'].map((node) => makePod({ name: node, node }));
    expect(placed({ nodes: ['n1'], tainted: ['n2'], forbidden: ['n3'], pods })).toEqual({ create: [], delete: ['n3'] });
  });

  it('keeps the eldest of several, bound ones first', () => {
    const pods = [
      makePod({ name: 'young', node: 'n', ageS: 1 }),
      makePod({ name: 'old', node: 'n', ageS: 9 }),
      makePod({ name: 'eldest', node: 'n', ageS: 99, isUnbound: true }),
    ];
    expect(placed({ nodes: ['n'], pods })).toEqual({ create: [], delete: ['eldest', 'young'] });
  });

  it('removes unbound pods for nodes that are gone', () => {
    const pods = [
      makePod({ name: 'bound', node: 'gone' }),
      makePod({ name: 'unbound', node: 'gone', isUnbound: true }),
    ];
    expect(placed({ pods })).toEqual({ create: [], delete: ['unbound'] });
  });

  it('replaces pods that have ended, a failed one when its wait is over', () => {
    const pods = [
      makePod({ name: 'failed', node: 'n1', state: 'failed' }),
      makePod({ name: 'succeeded', node: 'n2', state: 'succeeded' }),
    ];
    const view = makeView({ nodes: ['n1', 'n2'], pods });
    const now = planPlacement(view, () => 0);
    expect(now.failed.map(({ node }) => node)).toEqual(['n1']);
    expect(now.succeeded.map(({ node }) => node)).toEqual(['n2']);
    expect(now.waitMs).toBeUndefined();
    const later = planPlacement(view, () => 700);
    expect([later.failed, later.waitMs, later.succeeded.length]).toEqual([[], 700, 1]);
  });

  it('makes another pod beside one that goes, while surging', () => {
    const pods = [makePod({ name: 'p', node: 'n', isGoing: true })];
    expect(placed({ nodes: ['n'], pods, rollingUpdate: surge })).toEqual({ create: ['n'], delete: [] });
  });

  it('keeps an old and a new pod while surging, until the new one serves or the old one does not', () => {
    const pair = (state: State, oldState: State): Pod[] => [
      makePod({ name: 'new', node: 'n', state }),
      makePod({ name: 'old', node: 'n', state: oldState, isNew: false }),
    ];
    const kept = (pods: Pod[]): object => placed({ nodes: ['n'], pods, rollingUpdate: surge });
    expect(kept(pair('running', 'available'))).toEqual({ create: [], delete: [] });
    expect(kept(pair('available', 'available'))).toEqual({ create: [], delete: ['old'] });
    expect(kept(pair('running', 'running'))).toEqual({ create: [], delete: ['old'] });
    const third = makePod({ name: 'third', node: 'n', state: 'running', ageS: 1 });
    expect(kept([...pair('running', 'available'), third])).toEqual({ create: [], delete: ['third'] });
  });
});

describe('planUpdate() in place', () => {
  const old = (count: number, state: State = 'available'): Pod[] =>
    Array.from({ length: count }, (_, i) => makePod({ name: `p${i}`, node: `n${i}`, isNew: false, state }));
  const nodes = ['n0', 'n1', 'n2', 'n3'];

  it('removes as many old pods as may be away', () => {
    expect(updated({ nodes, pods: old(4) })).toEqual({ create: [], delete: ['p0'] });
    expect(updated({ nodes, pods: old(4), rollingUpdate: { maxUnavailable: 2 } })).toMatchObject({
      delete: ['p0', 'p1'],
    });
    expect(updated({ nodes, pods: old(4), rollingUpdate: { maxUnavailable: '30%' } })).toMatchObject({
      delete: ['p0', 'p1'],
    });
    expect(updated({ nodes, pods: old(4), rollingUpdate: { maxUnavailable: 0 } })).toMatchObject({ delete: ['p0'] });
  });

  it('counts nodes without a pod, with one that goes, and with a new one that does not serve', () => {
    const others = old(4).slice(1);
    expect(updated({ nodes, pods: others })).toMatchObject({ delete: [] });
    expect(updated({ nodes, pods: [...others, makePod({ name: 'x', node: 'n0', isGoing: true })] })).toMatchObject({
      delete: [],
    });
    expect(updated({ nodes, pods: [...others, makePod({ name: 'x', node: 'n0', state: 'running' })] })).toMatchObject({
      delete: [],
    });
    expect(updated({ nodes, pods: [...others, makePod({ name: 'x', node: 'n0' })] })).toMatchObject({ delete: ['p1'] });
  });

  it('removes old pods that do not serve at once', () => {
    expect(updated({ nodes, pods: old(4, 'running') })).toMatchObject({ delete: ['p0', 'p1', 'p2', 'p3'] });
  });

  it('leaves pods alone that are updated on deletion', () => {
    expect(updated({ nodes, pods: old(4), type: 'OnDelete' })).toEqual({ create: [], delete: [] });
  });
});

describe('planUpdate() by surge', () => {
  const old = (node: string, state: State = 'available'): Pod =>
    makePod({ name: `old-${node}`, node, isNew: false, state });
  const fresh = (node: string, state: State = 'available'): Pod => makePod({ name: `new-${node}`, node, state });
  const nodes = ['n0', 'n1', 'n2'];

  it('makes as many new pods beside old ones as it may', () => {
    const pods = nodes.map((node) => old(node));
    expect(updated({ nodes, pods, rollingUpdate: surge })).toEqual({ create: ['n0'], delete: [] });
    expect(updated({ nodes, pods, rollingUpdate: { maxUnavailable: 0, maxSurge: '50%' } })).toEqual({
      create: ['n0', 'n1'],
      delete: [],
    });
    expect(updated({ nodes, pods: [...pods, fresh('n0', 'running')], rollingUpdate: surge })).toEqual({
      create: [],
      delete: [],
    });
  });

  it('removes an old pod when the new one serves, and goes on', () => {
    const pods = [...nodes.map((node) => old(node)), fresh('n0')];
    expect(updated({ nodes, pods, rollingUpdate: surge })).toEqual({ create: ['n1'], delete: ['old-n0'] });
  });

  it('replaces at once what does not serve', () => {
    const pods = [old('n0', 'running'), old('n1', 'running'), old('n2')];
    expect(updated({ nodes, pods, rollingUpdate: surge })).toEqual({ create: ['n0', 'n1', 'n2'], delete: [] });
  });

  it('lets pods serve where they are no longer wanted until others do', () => {
    const made = { nodes: ['n1'], tainted: ['n0'], rollingUpdate: surge };
    expect(updated({ ...made, pods: [old('n0'), fresh('n1', 'running')] })).toEqual({ create: [], delete: [] });
    expect(updated({ ...made, pods: [old('n0'), fresh('n1')] })).toEqual({ create: [], delete: ['old-n0'] });
    expect(updated({ ...made, pods: [old('n0', 'running'), fresh('n1')] })).toEqual({ create: [], delete: ['old-n0'] });
  });
});

/** A cluster that does what is planned; pods become available, and go when told, in any order. */
class World {
  readonly nodes: string[];
  readonly rollingUpdate: object;
  pods: Pod[];
  #made = 0;

  constructor(nodes: string[], { rollingUpdate, pods }: { rollingUpdate: object; pods: Pod[] }) {
    this.nodes = nodes;
    this.rollingUpdate = rollingUpdate;
    this.pods = pods;
  }

  view(): DaemonView {
    return makeView({ nodes: this.nodes, pods: this.pods, rollingUpdate: this.rollingUpdate });
  }

  /** As the controller does it: an update only when nothing is out of place. */
  step(): { isQuiet: boolean; update: UpdatePlan | undefined } {
    const view = this.view();
    const placement: DaemonPlan = planPlacement(view, () => 0);
    const ended = [...placement.failed, ...placement.succeeded].map(({ pod }) => pod);
    this.#apply({ create: placement.create, delete: [...placement.delete, ...ended] });
    if (placement.create.length + placement.delete.length + ended.length > 0)
      return { isQuiet: false, update: undefined };
    const update = planUpdate(view);
    this.#apply(update);
    return { isQuiet: update.create.length + update.delete.length === 0, update };
  }

  #apply({ create, delete: doomed }: UpdatePlan): void {
    const going = new Set(doomed.map(({ metadata }) => metadata.uid));
    this.pods = [
      ...this.pods.map((pod) => (going.has(pod.metadata.uid) ? withDeletion(pod) : pod)),
      ...create.map((node) => makePod({ name: `made-${this.#made++}`, node, state: 'pending', ageS: 0 })),
    ];
  }

  /** The pod at this place becomes available, or is gone. */
  progress(index: number): void {
    const pod = this.pods[index % Math.max(1, this.pods.length)];
    if (pod === undefined) return;
    const isNew = pod.metadata.labels!['controller-revision-hash'] === 'new';
    const { name = '' } = pod.metadata;
    this.pods =
      pod.metadata.deletionTimestamp === undefined
        ? this.pods.map((one) => (one === pod ? makePod({ name, node: pod.spec.nodeName!, isNew }) : one))
        : this.pods.filter((one) => one !== pod);
  }

  serving(): number {
    return this.nodes.filter((node) => this.pods.some((pod) => pod.spec.nodeName === node && serves(pod))).length;
  }
}

const withDeletion = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: time(NOW_MS) } });
const serves = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status!.conditions![0]!.status === 'True';

const anyWorld = fc.record({
  count: fc.integer({ min: 1, max: 6 }),
  allowed: fc.integer({ min: 1, max: 3 }),
  isSurge: fc.boolean(),
  states: fc.array(fc.constantFrom<State>('available', 'available', 'running', 'failed'), {
    minLength: 6,
    maxLength: 6,
  }),
  order: fc.array(fc.nat({ max: 20 }), { maxLength: 60 }),
});

describe('a rolling update', () => {
  it('is never without more pods, nor with more beside old ones, than allowed, and comes to its end', () => {
    fc.assert(
      fc.property(anyWorld, ({ count, allowed, isSurge, states, order }) => {
        const nodes = Array.from({ length: count }, (_, i) => `n${i}`);
        const pods = nodes.map((node, i) => makePod({ name: `old-${node}`, node, isNew: false, state: states[i]! }));
        const rollingUpdate = isSurge
          ? { maxUnavailable: 0, maxSurge: allowed }
          : { maxUnavailable: allowed, maxSurge: 0 };
        const world = new World(nodes, { rollingUpdate, pods });
        const least = (): number => Math.min(world.serving(), isSurge ? count : Math.max(0, count - allowed));
        const observe = (): void => {
          const before = least();
          // An old pod that did not serve when its successor was made may do so again.
          const surging = besideServing(world);
          world.step();
          expect(world.serving()).toBeGreaterThanOrEqual(before);
          for (const node of nodes) {
            const running = world.pods.filter(
              ({ metadata, spec }) => spec.nodeName === node && metadata.deletionTimestamp === undefined,
            );
            expect(running.length).toBeLessThanOrEqual(isSurge ? 2 : 1);
          }
          expect(besideServing(world)).toBeLessThanOrEqual(Math.max(surging, isSurge ? allowed : 0));
        };
        for (const index of order) {
          observe();
          world.progress(index);
        }
        for (let round = 0; round < 40; round++) {
          for (let i = world.pods.length - 1; i >= 0; i--) world.progress(i);
          observe();
        }
        expect(world.step().isQuiet).toBe(true);
        expect(world.pods.map((pod) => pod.metadata.labels!['controller-revision-hash'])).toEqual(
          nodes.map(() => 'new'),
        );
      }),
      { numRuns: 200 },
    );
  });
});

/** Nodes where a new pod that does not serve stands beside an old one that does. */
function besideServing({ nodes, pods }: World): number {
  const isNew = ({ metadata }: Pod): boolean => metadata.labels!['controller-revision-hash'] === 'new';
  return nodes.filter((node) => {
    const there = pods.filter(
      ({ metadata, spec }) => spec.nodeName === node && metadata.deletionTimestamp === undefined,
    );
    return there.some((pod) => isNew(pod) && !serves(pod)) && there.some((pod) => !isNew(pod) && serves(pod));
  }).length;
}
