import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import type { Pod } from '../api/core/v1/pod.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import type { InformerChange } from '../client/informer.ts';
import { keyOf } from '../client/keys.ts';
import { ClusterCache } from './cluster-cache.ts';
import { ClusterWatch } from './cluster-watch.ts';
import type { Plugin } from './framework.ts';
import { NominatedPods } from './nominated-pods.ts';
import { ManualClock, nodeOf, podOf } from './objects-for-tests.ts';
import { podInfoOf } from './pod-info.ts';
import { SchedulingQueue } from './scheduling-queue.ts';
import { TimeSlice } from './time-slice.ts';

/** Rejects what only a pod's going can mend. */
const roomHoper: Plugin = { name: 'RoomHoper', events: ['AssignedPodDelete'] };

let stopping: AbortController;
let podChanges: Subject<InformerChange<Pod>>;
let cache: ClusterCache;
let queue: SchedulingQueue;
let watch: ClusterWatch;
let slice: TimeSlice;

beforeEach(async () => {
  const clock = new ManualClock();
  stopping = new AbortController();
  podChanges = new Subject();
  cache = new ClusterCache();
  queue = new SchedulingQueue({ clock, profiles: new Map([['default-scheduler', [roomHoper]]]) });
  slice = new TimeSlice(clock, 5);
  const waitForSync = (): Promise<void> => Promise.resolve();
  const informer = ({ names }: { names: { plural: string } }): unknown => ({
    waitForSync,
    changes: names.plural === 'pods' ? podChanges : new Subject(),
  });
  const informers = { informer, waitForSync } as unknown as InformerFactory;
  const schedulerNames = new Set(['default-scheduler']);
  watch = new ClusterWatch({ informers, cache, queue, nominated: new NominatedPods(), schedulerNames });
  await watch.start(stopping.signal);
});
afterEach(() => stopping.abort());

const deliver = (pod: Pod, previous?: Pod): void =>
  podChanges.next({ type: previous === undefined ? 'add' : 'update', key: keyOf(pod), object: pod, previous });

describe('ClusterWatch', () => {
  it('loses no change that comes just after the last ones have been applied', async () => {
    const applied = watch.applyChanges(slice);
    // The inbox has been seen to be empty, and who asked does not know yet.
    deliver(podOf('a'));
    await applied;
    expect(queue.pop()).toBeUndefined();
    let isAwake = false;
    void queue.waitForPod(stopping.signal).then(() => (isAwake = true));
    await watch.applyChanges(slice);
    expect(isAwake).toBe(true);
    expect(queue.pop()?.podInfo.key).toBe('default/a');
  });

  const on = (nodeName: string, pod: Pod): Pod => ({ ...pod, spec: { ...pod.spec, nodeName }, status: {} });
  it.each<[string, (pod: Pod) => void, boolean]>([
    ['its nomination ends', (pod) => deliver({ ...pod, status: {} }, pod), true],
    ['someone else binds it elsewhere', (pod) => deliver(on('n2', pod), pod), true],
    ['it is bound as promised', (pod) => deliver(on('n1', pod), pod), false],
    ['it is deleted', (pod) => podChanges.next({ type: 'delete', key: keyOf(pod), object: pod, previous: pod }), true],
  ])('wakes those behind a nominated pod when %s', async (_name, change, helps) => {
    const promised = podOf('promised', { spec: { priority: 5 }, status: { nominatedNodeName: 'n1' } });
    const others = [podOf('lower', { spec: { priority: 1 } }), podOf('higher', { spec: { priority: 9 } })];
    for (const pod of [promised, ...others]) deliver(pod);
    await watch.applyChanges(slice);
    for (const queued of [queue.pop()!, queue.pop()!, queue.pop()!]) {
      queue.addUnschedulable(queued, queued.podInfo.pod, { type: 'rejected', rejectors: new Set(['RoomHoper']) });
    }
    change(promised);
    await watch.applyChanges(slice);
    expect([queue.pop()?.podInfo.key, queue.pop()]).toEqual([helps ? 'default/lower' : undefined, undefined]);
  });

  it('gives the room of a pod whose deletion begins while it is bound to those that wait', async () => {
    cache.setNode(nodeOf('n1'));
    const bound = podOf('bound');
    for (const pod of [bound, podOf('waiting')]) deliver(pod);
    await watch.applyChanges(slice);
    queue.done(queue.pop()!.podInfo.uid);
    cache.assumePod(podInfoOf(bound), 'n1');
    const waiting = queue.pop()!;
    queue.addUnschedulable(waiting, waiting.podInfo.pod, { type: 'rejected', rejectors: new Set(['RoomHoper']) });
    const labelled = podOf('bound', { labels: { app: 'x' } });
    deliver(labelled, bound);
    await watch.applyChanges(slice);
    expect(queue.pop()).toBeUndefined();
    deliver({ ...bound, metadata: { ...bound.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, labelled);
    await watch.applyChanges(slice);
    expect(queue.pop()?.podInfo.key).toBe('default/waiting');
    expect(cache.takeSnapshot().get('n1')?.pods.size).toBe(0);
  });
});
