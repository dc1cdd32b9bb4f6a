/** The scheduler against the real API server in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pods } from '../api/core/v1/pod.ts';
import { realClock, sleep } from '../base/clock.ts';
import { eventually, profileWith, startTestCluster } from './cluster-for-tests.ts';
import type { TestCluster } from './cluster-for-tests.ts';
import type { Plugin } from './framework.ts';
import { nodeOf } from './objects-for-tests.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster.stop());

describe('startScheduler()', () => {
  it('spreads pods over three nodes, records it, and says why a pod does not fit', async () => {
    await cluster.createNode(nodeOf('n1', { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } }));
    await cluster.createNode(nodeOf('n2', { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } }));
    await cluster.createNode(nodeOf('n3', { spec: { taints: [{ key: 'only', value: 'me', effect: 'NoSchedule' }] } }));
    cluster.startScheduler();
    await Promise.all(['a', 'b'].map((name) => cluster.createPod(name, { requests: { cpu: '1500m', memory: '1Gi' } })));
    expect([await cluster.bound('a'), await cluster.bound('b')].sort()).toEqual(['n1', 'n2']);
    const assigned = await cluster.eventOf('a', 'Scheduled');
    expect(assigned.message).toBe(`Successfully assigned default/a to ${await cluster.bound('a')}`);
    expect(assigned).toMatchObject({ type: 'Normal', involvedObject: { kind: 'Pod', apiVersion: 'v1' } });

    await cluster.createPod('c', { requests: { cpu: '1' } });
    const message =
      '0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. ' +
      'preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, ' +
      '2 No preemption victims found for incoming pod.';
    expect(await cluster.conditionOf('c')).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    expect(await cluster.eventOf('c', 'FailedScheduling')).toMatchObject({ type: 'Warning', message });

    await cluster.deletePod('a');
    expect(await cluster.bound('c')).toBeDefined();
    expect(await cluster.conditionOf('c', ({ status }) => status === 'True')).toMatchObject({ type: 'PodScheduled' });
  });

  it('waits for a first node', async () => {
    cluster.startScheduler();
    await cluster.createPod('a');
    expect(await cluster.conditionOf('a')).toMatchObject({
      reason: 'Unschedulable',
      message: 'no nodes available to schedule pods',
    });
    await cluster.createNode(nodeOf('n1'));
    expect(await cluster.bound('a')).toBe('n1');
  });

  it('schedules pods when a node is uncordoned, untainted, relabelled or grows', async () => {
    await cluster.createNode(nodeOf('n1', { spec: { unschedulable: true } }));
    await cluster.createNode(
      nodeOf('n2', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] }, labels: { size: 'small' } }),
    );
    cluster.startScheduler();
    await cluster.createPod('a');
    const first = '0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.';
    const { message } = await cluster.conditionOf('a');
    expect(message).toBe(`${first} preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.`);
    await cluster.patchNode('n1', { spec: { unschedulable: false } });
    expect(await cluster.bound('a')).toBe('n1');

    const big = { spec: { nodeSelector: { size: 'big' } }, requests: { cpu: '6' } };
    await cluster.createPod('b', big);
    const mismatch = "1 node(s) didn't match Pod's node affinity/selector";
    const noMatch = `0/2 nodes are available: ${mismatch}, 1 node(s) had untolerated taint(s).`;
    await cluster.conditionOf('b', ({ message }) => message?.startsWith(noMatch) === true);
    await cluster.patchNode('n1', { metadata: { labels: { size: 'big' } } });
    const tooSmall = '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).';
    await cluster.conditionOf('b', ({ message }) => message?.startsWith(tooSmall) === true);
    await cluster.patchNode('n1', { status: { allocatable: { cpu: '8' } } }, 'status');
    expect(await cluster.bound('b')).toBe('n1');
  });

  it('leaves gated pods and those of other schedulers alone', async () => {
    await cluster.createNode(nodeOf('n1'));
    cluster.startScheduler();
    await cluster.createPod('gated', { spec: { schedulingGates: [{ name: 'example.com/wait' }] } });
    await cluster.createPod('foreign', { spec: { schedulerName: 'other' } });
    await cluster.createPod('plain');
    await cluster.bound('plain');
    expect((await cluster.getPod('foreign')).spec.nodeName).toBeUndefined();
    expect(await cluster.conditionOf('gated')).toMatchObject({
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    });
    const body = { spec: { schedulingGates: [] } };
    await cluster.client.patch(pods, { namespace: 'default', name: 'gated' }, { type: 'merge', body });
    expect(await cluster.bound('gated')).toBe('n1');
  });

  it('counts what it has placed itself, and never overcommits', async () => {
    await cluster.createNode(nodeOf('n1', { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } }));
    const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
    for (const name of names) await cluster.createPod(name, { requests: { cpu: '500m' } });
    cluster.startScheduler();
    const placed = await eventually(async () => {
      const all = await Promise.all(names.map((name) => cluster.getPod(name)));
      const decided = all.filter(({ status }) => status?.conditions?.some(({ type }) => type === 'PodScheduled'));
      return decided.length === names.length && all.filter(({ spec }) => spec.nodeName === 'n1');
    });
    expect(placed.length).toBe(8);
  });

  it('takes the room of a pod that has ended', async () => {
    await cluster.createNode(nodeOf('n1', { allocatable: { cpu: '1', memory: '8Gi', pods: '110' } }));
    cluster.startScheduler();
    await cluster.createPod('a', { requests: { cpu: '1' } });
    await cluster.bound('a');
    await cluster.createPod('b', { requests: { cpu: '1' } });
    await cluster.conditionOf('b', ({ reason }) => reason === 'Unschedulable');
    const body = { status: { phase: 'Succeeded' } };
    await cluster.client.patch(
      pods,
      { namespace: 'default', name: 'a' },
      { type: 'merge', body, subresource: 'status' },
    );
    expect(await cluster.bound('b')).toBe('n1');
  });

  it('undoes reservations, last first, when a plugin does not permit the node', async () => {
    await cluster.createNode(nodeOf('n1'));
    const undone: string[] = [];
    const reserving = (name: string): Plugin => ({
      name,
      reserve: () => undefined,
      unreserve: () => void undone.push(name),
    });
    const refusing: Plugin = { name: 'C', permit: () => ({ code: 'Unschedulable', reasons: ['not now'] }) };
    cluster.startScheduler(profileWith(reserving('A'), reserving('B'), refusing));
    await cluster.createPod('a');
    const message = '0/1 nodes are available: 1 not now.';
    expect(await cluster.conditionOf('a')).toMatchObject({ reason: 'Unschedulable', message });
    await sleep(realClock, 50);
    // Once, or once more after the pod's own change of status: not over and over.
    expect(undone.length).toBeLessThanOrEqual(4);
    expect(undone.slice(0, 2)).toEqual(['B', 'A']);
  });

  it('gives the room back and tries again when binding fails', async () => {
    await cluster.createNode(nodeOf('n1', { allocatable: { cpu: '1', memory: '8Gi', pods: '110' } }));
    let failures = 0;
    const flaky: Plugin = {
      name: 'Flaky',
      bind: ({ pod }) => {
        if (pod.metadata.name !== 'a' || failures > 0) return Promise.resolve(false);
        failures++;
        return Promise.reject(new Error('the API server is away'));
      },
    };
    cluster.startScheduler(profileWith(flaky));
    await cluster.createPod('a', { requests: { cpu: '1' } });
    expect(await cluster.conditionOf('a')).toMatchObject({
      reason: 'SchedulerError',
      message: 'the API server is away',
    });
    await cluster.createPod('b', { requests: { cpu: '1' } });
    expect(await cluster.bound('b')).toBe('n1');
    await cluster.deletePod('b');
    expect(await cluster.bound('a')).toBe('n1');
  });

  it('does not wait for one binding before it places the next pod', async () => {
    await cluster.createNode(nodeOf('n1'));
    const letGo = new AbortController();
    const slow: Plugin = {
      name: 'Slow',
      bind: async ({ pod }) => {
        if (pod.metadata.name === 'slow') {
          await new Promise<void>((resolve) => letGo.signal.addEventListener('abort', () => resolve(), { once: true }));
        }
        return false;
      },
    };
    cluster.startScheduler(profileWith(slow));
    await cluster.createPod('slow', { spec: { priority: 0 } });
    await cluster.createPod('quick');
    expect(await cluster.bound('quick')).toBe('n1');
    expect((await cluster.getPod('slow')).spec.nodeName).toBeUndefined();
    letGo.abort();
    expect(await cluster.bound('slow')).toBe('n1');
  });
});
