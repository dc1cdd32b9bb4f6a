import { describe, expect, it } from '@jest/globals';
import type { ClusterEvent } from './cluster-event.ts';
import type { Plugin } from './framework.ts';
import { nodeOf, podOf } from './objects-for-tests.ts';
import { podInfoOf } from './pod-info.ts';
import type { QueuedPod } from './queued-pod.ts';
import { UnschedulablePods } from './unschedulable-pods.ts';

const nodeAdd: ClusterEvent = { name: 'NodeAdd', node: nodeOf('n') };
const podDelete: ClusterEvent = { name: 'AssignedPodDelete', pod: podOf('x') };

function queuedPod(name: string, rejectors: string[], gatedBy?: string): QueuedPod {
  return {
    podInfo: podInfoOf(podOf(name)),
    timestampMs: 0,
    sequence: 0,
    attempts: 1,
    unschedulableCount: 1,
    errorCount: 0,
    rejectors: new Set(rejectors),
    gatedBy,
  };
}

describe('UnschedulablePods [S10]', () => {
  it('asks nobody of a crowd that the event cannot help', () => {
    let asked = 0;
    const count = (): boolean => {
      asked++;
      return true;
    };
    const hopers: Plugin[] = [
      { name: 'NodeHoper', events: ['NodeAdd'], queueingHint: count },
      { name: 'RoomHoper', events: ['AssignedPodDelete'], queueingHint: count },
    ];
    const known = new Map(hopers.map((plugin) => [plugin.name, plugin]));
    const pods = new UnschedulablePods(() => known);
    for (let i = 0; i < 5000; i++) pods.set(queuedPod(`crowd-${i}`, ['NodeHoper']));
    pods.set(queuedPod('other', ['RoomHoper']));
    expect(pods.helpedBy(podDelete).map(({ podInfo }) => podInfo.key)).toEqual(['default/other']);
    expect(asked).toBe(1);
    expect(pods.helpedBy(nodeAdd).length).toBe(5000);
  });

  it('leaves to a gate which events count, and to everyone who rejected the pod whether they help', () => {
    const known = new Map<string, Plugin>([
      ['Gate', { name: 'Gate', events: ['AssignedPodDelete'], queueingHint: () => false }],
      ['RoomHoper', { name: 'RoomHoper', events: ['AssignedPodDelete', 'NodeAdd'] }],
    ]);
    const pods = new UnschedulablePods(() => known);
    pods.set(queuedPod('gated', ['RoomHoper'], 'Gate'));
    pods.set(queuedPod('new', [], 'Gate'));
    expect(pods.helpedBy(nodeAdd)).toEqual([]);
    expect(pods.helpedBy(podDelete).map(({ podInfo }) => podInfo.key)).toEqual(['default/gated']);
  });

  it('has each pod once, wherever it was before', () => {
    const pods = new UnschedulablePods(() => new Map());
    pods.set(queuedPod('a', ['X']));
    pods.set(queuedPod('a', ['Y']));
    expect([pods.size, [...pods.values()].length, pods.get('default/a')?.rejectors]).toEqual([1, 1, new Set(['Y'])]);
    pods.delete('default/a');
    pods.delete('default/b');
    expect([pods.size, [...pods.values()]]).toEqual([0, []]);
  });
});
