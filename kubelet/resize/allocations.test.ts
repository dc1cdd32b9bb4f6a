import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, ResourceRequirements } from '../../api/core/v1/pod/types.ts';
import { silentLogger } from '../../base/log.ts';
import { createTestClock, testContainer, testPod, testRuntimePod, testSandbox } from '../testing.ts';
import { createAllocationStore, noAllocationStore } from './allocation-store.ts';
import type { AllocationStore } from './allocation-store.ts';
import { Allocations } from './allocations.ts';

const requesting = (cpu: string): ResourceRequirements => ({ requests: { cpu, memory: '1Mi' } });
const podOf = (uid: string, cpu: string, more: { generation?: number; priority?: number } = {}): Pod => {
  const { generation = 1, priority = 0 } = more;
  const containers = [{ name: 'web', image: 'nginx', resources: requesting(cpu) }];
  return testPod({ containers, priority }, { name: uid, namespace: 'default', uid, generation });
};

/** A node of 4 cores with these pods. */
function nodeWith(pods: Pod[], store: AllocationStore = noAllocationStore) {
  const present = new Map(pods.map((pod) => [pod.metadata.uid!, pod]));
  const events: string[] = [];
  const poked: string[] = [];
  const clock = createTestClock();
  const record = (pod: Pod, reason: string, message: string): void =>
    void events.push(`${pod.metadata.name} ${reason} ${/"error":"(.*?)"/.exec(message)?.[1] ?? ''}`.trim());
  const allocations = new Allocations({
    store,
    clock,
    log: silentLogger,
    events: { normal: record, warning: record },
    allocatable: { cpu: '4', memory: '1Gi' },
    activePods: () => [...present.values()],
    onChange: (uid) => void poked.push(uid),
  });
  const settle = (): Promise<void> => clock.advance(0);
  return {
    allocations,
    events,
    poked,
    settle,
    async update(pod: Pod) {
      present.set(pod.metadata.uid!, pod);
      allocations.update(pod);
      await settle();
    },
    async remove(uid: string) {
      present.delete(uid);
      allocations.forget(uid);
      await settle();
    },
    cpuOf: (uid: string): string | undefined => allocations.resourcesOf(uid, 'web')?.allocated.requests?.['cpu'],
    pendingOf: (uid: string) => allocations.conditions(uid).find(({ type }) => type === 'PodResizePending'),
    progressOf: (uid: string) => allocations.conditions(uid).find(({ type }) => type === 'PodResizeInProgress'),
  };
}

describe('Allocations [W12]', () => {
  it('grants what fits, and tells when the containers have it', async () => {
    const node = nodeWith([]);
    const before = podOf('a', '1');
    await node.update(before);
    expect(node.allocations.granted(before)).toBe(before);
    const after = podOf('a', '2', { generation: 2 });
    await node.update(after);
    expect(node.events).toEqual(['a ResizeStarted']);
    expect(node.poked).toEqual(['a']);
    expect(node.progressOf('a')).toMatchObject({ status: 'True', observedGeneration: 2 });
    expect(node.allocations.resourcesOf('a', 'web')).toEqual({ allocated: requesting('2'), actual: requesting('1') });
    const running = testRuntimePod([testSandbox()], [testContainer('web')]);
    node.allocations.observe(after, running);
    expect(node.progressOf('a')).toBeDefined();
    node.allocations.actuate(after, ['web']);
    node.allocations.observe(after, running);
    expect(node.progressOf('a')).toBeUndefined();
    expect(node.events).toEqual(['a ResizeStarted', 'a ResizeCompleted']);
  });

  it('never grants what the node does not have', async () => {
    const node = nodeWith([]);
    await node.update(podOf('a', '1'));
    await node.update(podOf('a', '5', { generation: 2 }));
    const message = "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000";
    expect(node.pendingOf('a')).toMatchObject({ reason: 'Infeasible', message, observedGeneration: 2 });
    expect(node.events).toEqual([`a ResizeInfeasible ${message}`]);
    expect(node.cpuOf('a')).toBe('1');
    // Back to what it has: nothing is asked for any more.
    await node.update(podOf('a', '1', { generation: 3 }));
    expect(node.allocations.conditions('a')).toEqual([]);
    expect(node.events).toHaveLength(1);
  });

  it('lets a pod wait until another one gives something back, and says so once', async () => {
    const node = nodeWith([]);
    await node.update(podOf('a', '1'));
    await node.update(podOf('b', '2'));
    await node.update(podOf('a', '3', { generation: 2 }));
    const message = "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000";
    expect(node.pendingOf('a')).toMatchObject({ reason: 'Deferred', message });
    node.allocations.retry();
    await node.settle();
    expect(node.events).toEqual([`a ResizeDeferred ${message}`]);
    await node.remove('b');
    expect(node.cpuOf('a')).toBe('3');
    expect(node.pendingOf('a')).toBeUndefined();
    expect(node.events.at(-1)).toBe('a ResizeStarted');
  });

  it('counts what a shrinking pod still has until it is taken away', async () => {
    const node = nodeWith([]);
    await node.update(podOf('a', '1'));
    await node.update(podOf('b', '3'));
    const running = testRuntimePod([testSandbox()], [testContainer('web')]);
    const smaller = podOf('b', '1', { generation: 2 });
    await node.update(smaller);
    await node.update(podOf('a', '3', { generation: 2 }));
    expect(node.pendingOf('a')).toMatchObject({ reason: 'Deferred' });
    node.allocations.actuate(smaller, ['web']);
    node.allocations.observe(smaller, running);
    await node.settle();
    expect(node.cpuOf('a')).toBe('3');
  });

  it('always grants less, and serves who waits by priority', async () => {
    const node = nodeWith([]);
    for (const uid of ['low', 'high', 'big']) await node.update(podOf(uid, uid === 'big' ? '2' : '1'));
    await node.update(podOf('low', '2', { generation: 2 }));
    await node.update(podOf('high', '2', { generation: 2, priority: 10 }));
    expect([node.cpuOf('low'), node.cpuOf('high')]).toEqual(['1', '1']);
    const smaller = podOf('big', '1', { generation: 2 });
    await node.update(smaller);
    expect(node.cpuOf('big')).toBe('1');
    node.allocations.actuate(smaller, ['web']);
    node.allocations.observe(smaller, testRuntimePod([testSandbox()], [testContainer('web')]));
    await node.settle();
    expect([node.cpuOf('low'), node.cpuOf('high')]).toEqual(['1', '2']);
  });

  it('tells a problem once, and keeps the generation that it is about', async () => {
    const node = nodeWith([]);
    await node.update(podOf('a', '1'));
    const after = podOf('a', '2', { generation: 2 });
    await node.update(after);
    for (let i = 0; i < 2; i++) node.allocations.fail(after, 'busy');
    expect(node.progressOf('a')).toMatchObject({ reason: 'Error', message: 'busy', observedGeneration: 2 });
    expect(node.events).toEqual(['a ResizeStarted', 'a ResizeError busy']);
  });

  it('grants nothing that cannot be written down, and tries again', async () => {
    let isFull = true;
    const save = (): void => {
      if (isFull) throw new Error('ENOSPC: no space left on device');
    };
    const node = nodeWith([], { load: () => undefined, save });
    await node.update(podOf('a', '1'));
    await node.update(podOf('a', '2', { generation: 2 }));
    expect([node.cpuOf('a'), node.events]).toEqual(['1', []]);
    isFull = false;
    node.allocations.retry();
    await node.settle();
    expect([node.cpuOf('a'), node.events]).toEqual(['2', ['a ResizeStarted']]);
  });

  it('keeps what was granted over a restart, judging nobody before all pods are there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nocher-allocations-'));
    try {
      const store = createAllocationStore({ folder, logFolder: folder, secretFolder: folder });
      const first = nodeWith([], store);
      await first.update(podOf('a', '1'));
      await first.update(podOf('b', '2'));
      await first.update(podOf('a', '3', { generation: 2 }));
      const status = { conditions: first.allocations.conditions('a') };
      const second = nodeWith([], store);
      const waiting = { ...podOf('a', '3', { generation: 2 }), status } as Pod;
      second.allocations.update(waiting);
      const others = podOf('b', '2');
      await second.update(others);
      expect(second.cpuOf('a')).toBe('1');
      expect(second.events).toEqual([]);
      expect(second.pendingOf('a')).toEqual(first.pendingOf('a'));
      // A file that was cut off is none.
      writeFileSync(join(folder, 'a', 'resources.json'), '{"allocated":');
      const third = nodeWith([], store);
      await third.update(podOf('a', '3'));
      expect(third.cpuOf('a')).toBe('3');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
