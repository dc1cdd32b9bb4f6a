import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../api/core/v1/pod.ts';
import type { ClusterEvent } from './cluster-event.ts';
import type { Plugin } from './framework.ts';
import { ManualClock, nodeOf, podOf } from './objects-for-tests.ts';
import { podInfoOf } from './pod-info.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { schedulingGates } from './plugins/scheduling-gates.ts';
import type { QueuedPod } from './queued-pod.ts';
import { SchedulingQueue, backoffMs } from './scheduling-queue.ts';

/** Rejects what only a new node can mend. */
const nodeHoper: Plugin = { name: 'NodeHoper', events: ['NodeAdd'] };
/** Rejects what only a new node of the pod's name can mend. */
const namesake: Plugin = {
  name: 'Namesake',
  events: ['NodeAdd'],
  queueingHint: ({ pod }, event) => event.name === 'NodeAdd' && event.node.metadata.name === pod.metadata.name,
};

/** Keeps these pods out of the queue, by uid. */
const held = new Set<string>();
const holder: Plugin = {
  name: 'Holder',
  events: ['AssignedPodDelete'],
  queueingHint: () => false,
  preEnqueue: ({ metadata }) =>
    held.has(metadata.uid ?? '') ? { code: 'UnschedulableAndUnresolvable', reasons: ['held'] } : undefined,
};
/** Rejects what only a pod's going can mend. */
const roomHoper: Plugin = { name: 'RoomHoper', events: ['AssignedPodDelete'] };

const PLUGINS = [prioritySort, schedulingGates, holder, nodeHoper, roomHoper, namesake];

beforeEach(() => held.clear());
const nodeAdd = (name = 'n'): ClusterEvent => ({ name: 'NodeAdd', node: nodeOf(name) });

function setUp(): { clock: ManualClock; queue: SchedulingQueue } {
  const clock = new ManualClock();
  return { clock, queue: new SchedulingQueue({ clock, profiles: new Map([['default-scheduler', PLUGINS]]) }) };
}

const names = (popped: (QueuedPod | undefined)[]): (string | undefined)[] =>
  popped.map((queued) => queued?.podInfo.pod.metadata.name);

function reject(queue: SchedulingQueue, queued: QueuedPod, ...rejectors: string[]): void {
  queue.addUnschedulable(queued, queued.podInfo.pod, { type: 'rejected', rejectors: new Set(rejectors) });
}

function fail(queue: SchedulingQueue, queued: QueuedPod): void {
  queue.addUnschedulable(queued, queued.podInfo.pod, { type: 'error' });
}

const withPriority = (name: string, priority: number): Pod => podOf(name, { spec: { priority } });

describe('backoffMs()', () => {
  it('doubles from one second to ten', () => {
    expect([0, 1, 2, 3, 4, 5, 50, 5000].map((failures) => backoffMs(failures))).toEqual([
      0, 1000, 2000, 4000, 8000, 10000, 10000, 10000,
    ]);
  });
});

describe('SchedulingQueue [S10]', () => {
  it('hands out pods by priority, then in the order they came', () => {
    const { queue } = setUp();
    for (const pod of [withPriority('a', 1), withPriority('b', 5), withPriority('c', 5), withPriority('d', 1)])
      queue.add(pod);
    expect(names([queue.pop(), queue.pop(), queue.pop(), queue.pop(), queue.pop()])).toEqual([
      'b',
      'c',
      'a',
      'd',
      undefined,
    ]);
  });

  it('keeps a rejected pod until an event that its rejectors wait for', () => {
    const { queue } = setUp();
    queue.add(podOf('a'));
    reject(queue, queue.pop()!, 'NodeHoper');
    queue.moveAll({ name: 'AssignedPodDelete', pod: podOf('x') });
    expect(queue.pop()).toBeUndefined();
    queue.moveAll(nodeAdd());
    expect(names([queue.pop()])).toEqual(['a']);
  });

  it('asks the hint, and any rejector is enough', () => {
    const { queue } = setUp();
    queue.add(podOf('a'));
    queue.add(podOf('b'));
    reject(queue, queue.pop()!, 'Namesake');
    reject(queue, queue.pop()!, 'Namesake', 'NodeHoper');
    queue.moveAll(nodeAdd('other'));
    expect(names([queue.pop(), queue.pop()])).toEqual(['b', undefined]);
    queue.moveAll(nodeAdd('a'));
    expect(names([queue.pop()])).toEqual(['a']);
  });

  it('tries a pod that no plugin rejected again at any event', () => {
    const { queue } = setUp();
    queue.add(podOf('a'));
    reject(queue, queue.pop()!);
    expect(queue.pop()).toBeUndefined();
    queue.moveAll({ name: 'AssignedPodDelete', pod: podOf('x') });
    expect(names([queue.pop()])).toEqual(['a']);
  });

  it('tries those again that had to leave room for a pod, and not those before it nor itself', () => {
    const { queue } = setUp();
    const pods = [withPriority('lower', 1), withPriority('same', 5), withPriority('higher', 9), withPriority('it', 5)];
    for (const pod of pods) queue.add(pod);
    for (const queued of pods.map(() => queue.pop()!)) reject(queue, queued, 'RoomHoper');
    queue.moveBehind(podInfoOf(pods[3]!));
    expect(names([queue.pop(), queue.pop(), queue.pop()])).toEqual(['same', 'lower', undefined]);
  });

  it('does not lose an event that comes while the pod is in flight', () => {
    const { queue } = setUp();
    queue.add(podOf('a'));
    const queued = queue.pop()!;
    queue.moveAll(nodeAdd());
    reject(queue, queued, 'NodeHoper');
    expect(queue.counts).toEqual({ active: 0, backoff: 1, unschedulable: 0, inFlight: 0 });
  });

  it('puts pods that back off behind those that do not, and hands them out early when idle', () => {
    const { queue } = setUp();
    queue.add(withPriority('failed', 10));
    reject(queue, queue.pop()!, 'NodeHoper');
    queue.moveAll(nodeAdd());
    queue.add(withPriority('fresh', 1));
    expect(names([queue.pop(), queue.pop()])).toEqual(['fresh', 'failed']);
  });

  it('lets pods that failed by an error wait to the end', () => {
    const { clock, queue } = setUp();
    queue.add(podOf('a'));
    fail(queue, queue.pop()!);
    clock.advance(999);
    expect(queue.pop()).toBeUndefined();
    clock.advance(1);
    fail(queue, queue.pop()!);
    clock.advance(1999);
    expect(queue.pop()).toBeUndefined();
    clock.advance(1);
    expect(queue.pop()?.attempts).toBe(3);
  });

  it('tries leftovers again after five minutes', () => {
    const { clock, queue } = setUp();
    const stopping = new AbortController();
    queue.start(stopping.signal);
    queue.add(podOf('a'));
    reject(queue, queue.pop()!, 'NodeHoper');
    clock.advance(300_000);
    expect(queue.pop()).toBeUndefined();
    clock.advance(30_000);
    expect(names([queue.pop()])).toEqual(['a']);
    stopping.abort();
  });

  it('keeps a gated pod out until its gates are gone, whatever else happens', () => {
    const { clock, queue } = setUp();
    const gated = podOf('a', { spec: { schedulingGates: [{ name: 'g' }, { name: 'h' }] } });
    const halfway = podOf('a', { spec: { schedulingGates: [{ name: 'h' }] } });
    const open = podOf('a', { spec: { schedulingGates: [] } });
    queue.add(gated);
    queue.moveAll(nodeAdd());
    clock.advance(1_000_000);
    queue.flushLeftovers();
    queue.update(gated, halfway);
    expect(queue.pop()).toBeUndefined();
    queue.update(halfway, open);
    expect(queue.pop()?.podInfo.pod).toBe(open);
  });

  it('lets a pod in that was held, when an event that helps it came meanwhile', () => {
    const { queue } = setUp();
    const podDelete = { name: 'AssignedPodDelete' as const, pod: podOf('x') };
    queue.add(podOf('a'));
    queue.add(podOf('b'));
    for (let i = 0; i < 2; i++) {
      const queued = queue.pop()!;
      held.add(queued.podInfo.uid);
      reject(queue, queued, queued.podInfo.key === 'default/a' ? 'RoomHoper' : 'NodeHoper');
    }
    queue.moveAll(podDelete);
    expect(queue.pop()).toBeUndefined();
    held.clear();
    for (const name of ['a', 'b']) queue.release(podInfoOf(podOf(name)), false);
    expect(names([queue.pop(), queue.pop()])).toEqual(['a', undefined]);
    queue.release(podInfoOf(podOf('b', { uid: 'another' })), true);
    expect(queue.pop()).toBeUndefined();
    queue.release(podInfoOf(podOf('b')), true);
    expect(names([queue.pop()])).toEqual(['b']);
  });

  it('tries a pod again that was released while it was in flight', () => {
    const { queue } = setUp();
    queue.add(podOf('a'));
    const queued = queue.pop()!;
    queue.release(queued.podInfo, true);
    reject(queue, queued, 'NodeHoper');
    expect(names([queue.pop()])).toEqual(['a']);
  });

  it('takes the new state of a pod, and tries it again when the change may help', () => {
    const { queue } = setUp();
    const before = podOf('a');
    queue.add(before);
    reject(queue, queue.pop()!, 'Unknown');
    const withStatus = podOf('a', { status: { phase: 'Pending' } });
    queue.update(before, withStatus);
    expect(queue.pop()).toBeUndefined();
    const tolerant = podOf('a', { spec: { tolerations: [{ operator: 'Exists' }] } });
    queue.update(withStatus, tolerant);
    expect(queue.pop()?.podInfo.pod).toBe(tolerant);
  });

  it('drops a pod that is deleted', () => {
    const { queue } = setUp();
    queue.add(podOf('a'));
    queue.delete('default/a');
    expect(queue.pop()).toBeUndefined();
  });

  it('wakes who waits when a pod comes, when an error backoff ends, and at the end', async () => {
    const { clock, queue } = setUp();
    const stopping = new AbortController();
    let wait = queue.waitForPod(stopping.signal);
    queue.add(podOf('a'));
    await wait;
    fail(queue, queue.pop()!);
    wait = queue.waitForPod(stopping.signal);
    clock.advance(1000);
    await wait;
    reject(queue, queue.pop()!, 'NodeHoper');
    wait = queue.waitForPod(stopping.signal);
    stopping.abort();
    await wait;
  });
});

describe('SchedulingQueue against a model', () => {
  type Place = 'waiting' | 'error' | 'unschedulable' | 'gated' | 'held' | 'inFlight' | 'gone';
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const operation = fc.oneof(
    fc.record({ type: fc.constant('add' as const), name, isGated: fc.boolean() }),
    fc.record({ type: fc.constant('ungate' as const), name }),
    fc.record({ type: fc.constant('pop' as const) }),
    fc.record({ type: fc.constant('reject' as const), name }),
    fc.record({ type: fc.constant('fail' as const), name }),
    fc.record({ type: fc.constant('done' as const), name }),
    fc.record({ type: fc.constant('delete' as const), name }),
    fc.record({ type: fc.constant('nodeAdd' as const) }),
    fc.record({ type: fc.constant('podDelete' as const) }),
    fc.record({ type: fc.constant('hold' as const), name }),
    fc.record({ type: fc.constant('release' as const), name, again: fc.boolean() }),
    fc.record({ type: fc.constant('advance' as const), byMs: fc.constantFrom(500, 11_000) }),
  );
  type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

  const PRIORITIES: Record<string, number> = { a: 1, b: 2, c: 3, d: 4 };
  const podNamed = (own: string, isGated: boolean): Pod =>
    podOf(own, { spec: { priority: PRIORITIES[own]!, schedulingGates: isGated ? [{ name: 'g' }] : [] } });

  class Model {
    readonly places = new Map<string, Place>();
    readonly inFlight = new Map<string, { queued: QueuedPod; sawNode: boolean; isReleased: boolean }>();
    readonly errorEndMs = new Map<string, number>();

    of(own: string): Place {
      return this.places.get(own) ?? 'gone';
    }

    named(place: Place): string[] {
      return [...this.places].filter(([, other]) => other === place).map(([own]) => own);
    }
  }

  // eslint-disable-next-line complexity -- one short case for each operation of the model
  function perform(one: Operation, { clock, queue, model }: ReturnType<typeof setUp> & { model: Model }): void {
    switch (one.type) {
      case 'add':
        if (model.of(one.name) !== 'gone') return;
        queue.add(podNamed(one.name, one.isGated));
        if (one.isGated) model.places.set(one.name, 'gated');
        else letIn(model, one.name);
        return;
      case 'ungate':
        if (model.of(one.name) !== 'gated') return;
        queue.update(podNamed(one.name, true), podNamed(one.name, false));
        letIn(model, one.name);
        return;
      case 'pop':
        return pop({ queue, model });
      case 'reject':
      case 'fail':
      case 'done':
        return finish(one, { clock, queue, model });
      case 'delete':
        if (model.of(one.name) === 'inFlight') return;
        queue.delete(`default/${one.name}`);
        model.places.delete(one.name);
        return;
      case 'nodeAdd':
        queue.moveAll(nodeAdd());
        for (const own of model.named('unschedulable')) letIn(model, own);
        for (const flight of model.inFlight.values()) flight.sawNode = true;
        return;
      case 'podDelete':
        return queue.moveAll({ name: 'AssignedPodDelete', pod: podOf('x') });
      case 'hold':
        held.add(`uid-${one.name}`);
        return;
      case 'release':
        return release(one, { queue, model });
      case 'advance':
        clock.advance(one.byMs);
        for (const own of model.named('error')) {
          if (model.errorEndMs.get(own)! <= clock.now()) model.places.set(own, 'waiting');
        }
    }
  }

  /** A pod that is held stays out, and waits for its release. */
  function letIn(model: Model, own: string): void {
    model.places.set(own, held.has(`uid-${own}`) ? 'held' : 'waiting');
  }

  function release(
    { name: own, again }: { name: string; again: boolean },
    { queue, model }: { queue: SchedulingQueue; model: Model },
  ): void {
    held.delete(`uid-${own}`);
    queue.release(podInfoOf(podNamed(own, model.of(own) === 'gated')), again);
    const place = model.of(own);
    const flight = model.inFlight.get(own);
    if (flight !== undefined) flight.isReleased ||= again;
    if (place === 'held' || (place === 'unschedulable' && again)) model.places.set(own, 'waiting');
  }

  function pop({ queue, model }: { queue: SchedulingQueue; model: Model }): void {
    const queued = queue.pop();
    const waiting = model.named('waiting');
    if (queued === undefined) return expect(waiting).toEqual([]);
    const own = queued.podInfo.pod.metadata.name!;
    expect(waiting).toContain(own);
    model.places.set(own, 'inFlight');
    model.inFlight.set(own, { queued, sawNode: false, isReleased: false });
  }

  function finish(
    { type, name: own }: { type: 'reject' | 'fail' | 'done'; name: string },
    { clock, queue, model }: ReturnType<typeof setUp> & { model: Model },
  ): void {
    const flight = model.inFlight.get(own);
    if (flight === undefined) return;
    model.inFlight.delete(own);
    if (type === 'done') {
      queue.done(flight.queued.podInfo.uid);
      model.places.delete(own);
    } else if (type === 'fail') {
      fail(queue, flight.queued);
      model.places.set(own, held.has(`uid-${own}`) ? 'held' : 'error');
      model.errorEndMs.set(own, clock.now() + backoffMs(flight.queued.errorCount));
    } else {
      reject(queue, flight.queued, 'NodeHoper');
      if (flight.sawNode || flight.isReleased) letIn(model, own);
      else model.places.set(own, 'unschedulable');
    }
  }

  it('loses no pod, doubles none, and hands out what waits', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
        held.clear();
        const state = { ...setUp(), model: new Model() };
        for (const one of operations) {
          perform(one, state);
          const { active, backoff, unschedulable, inFlight } = state.queue.counts;
          const { model } = state;
          expect(inFlight).toBe(model.named('inFlight').length);
          const outside = ['unschedulable', 'gated', 'held'] as const;
          expect(unschedulable).toBe(outside.flatMap((place) => model.named(place)).length);
          expect(active + backoff).toBe(model.named('waiting').length + model.named('error').length);
        }
      }),
      { numRuns: 500 },
    );
  });
});
