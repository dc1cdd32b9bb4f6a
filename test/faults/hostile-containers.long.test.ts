/** Containers that fork, flood their log or will not end: the machine and the other pods stay as they are. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../api/core/v1/pod.ts';
import { NodeProcess } from './node-process.ts';
import { isReady, podOf, PODS, simplePod, tracesOf } from './pod-life.ts';

const suite = process.getuid?.() === 0 ? describe : describe.skip;

const MIB = 1 << 20;

suite('hostile containers', () => {
  let node: NodeProcess;
  let other: Pod;

  beforeAll(async () => {
    node = await NodeProcess.prepare();
    await node.start();
    const probe = { exec: { command: ['true'] }, periodSeconds: 1, failureThreshold: 3 };
    const command = ['sh', '-c', "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done"];
    const containers = [
      { name: 'main', image: 'nocher.local/hello:1', command, livenessProbe: probe, readinessProbe: probe },
    ];
    await node.server.call('POST', PODS, simplePod('other', { containers }));
    await until('the other pod is ready', async () => isReady(await podOf(node, 'other')));
    other = (await podOf(node, 'other'))!;
  }, 60_000);
  afterAll(async () => {
    await node.close();
  }, 60_000);

  const until = async (what: string, condition: () => boolean | Promise<boolean>, waitMs = 30_000): Promise<void> => {
    const endMs = Date.now() + waitMs;
    while (!(await condition())) {
      if (Date.now() > endMs) throw new Error(`never: ${what}\n${node.printed}`);
      await sleep(50);
    }
  };

  const start = async (script: string, spec: object = {}): Promise<string> => {
    const container = { name: 'main', image: 'nocher.local/hello:1', command: ['sh', '-c', script] };
    const pod = simplePod('hostile', { containers: [container], ...spec });
    return (await node.server.call<Pod>('POST', PODS, pod)).metadata.uid!;
  };

  const remove = async (uid: string): Promise<void> => {
    await node.server.call('DELETE', `${PODS}/hostile`, { gracePeriodSeconds: 1 });
    await until('the pod is gone', async () => (await podOf(node, 'hostile')) === undefined);
    await until('nothing of it is left', () => tracesOf(node, uid).length === 0);
    await until('its processes are gone', () => !node.processes().some(({ cgroup }) => cgroup.includes(uid)));
  };

  /** What the other pod has logged, without a hole. */
  const otherLines = (): number => {
    const log = join(node.folder, 'logs', `default_other_${other.metadata.uid}`, 'main', '0.log');
    const numbers = [...readFileSync(log, 'utf8').matchAll(/ F line (\d+)$/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    return numbers.length;
  };

  /** The other pod has run on, without a change, and goes on. */
  const otherIsWell = async (): Promise<void> => {
    expect((await podOf(node, 'other'))!.status).toEqual(other.status);
    const before = otherLines();
    await until('the other pod goes on', () => otherLines() > before);
  };

  const kubeletBytes = (): number => {
    const status = readFileSync(`/proc/${node.pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)![1]) * 1024;
  };

  it('one that forks without end gets 4096 processes, and is gone with all of them', async () => {
    const uid = await start('f() { f | f & }; f; while :; do sleep 1; done');
    const count = (): number => Number(readFileSync(join(node.podCgroup('besteffort', uid), 'pids.current'), 'utf8'));
    await until(
      'it has forked',
      async () => (await podOf(node, 'hostile'))?.status?.phase === 'Running' && count() > 4_000,
    );
    expect(count()).toBeLessThanOrEqual(4_096);
    await otherIsWell();
    await remove(uid);
    await otherIsWell();
  }, 90_000);

  it('one that floods its log has five short files of it, and the kubelet no more memory', async () => {
    const before = kubeletBytes();
    const uid = await start('exec yes "a line that says nothing, again and again and again"');
    const folder = join(node.folder, 'logs', `default_hostile_${uid}`, 'main');
    await until('it runs', async () => isReady(await podOf(node, 'hostile')));
    let most = 0;
    const rotations = new Set<string>();
    const endMs = Date.now() + 12_000;
    while (Date.now() < endMs) {
      const names = readdirSync(folder);
      for (const name of names) if (name !== '0.log') rotations.add(name);
      const sizes = names.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
      most = Math.max(
        most,
        sizes.reduce((sum, size) => sum + size, 0),
      );
      expect(names.length).toBeLessThanOrEqual(6);
      await sleep(100);
    }
    expect(rotations.size).toBeGreaterThan(8);
    // What a fast disk takes between two looks; upstream looks every ten seconds, and keeps five such files.
    expect(most).toBeLessThan(6_000 * MIB);
    expect(kubeletBytes() - before).toBeLessThan(64 * MIB);
    await otherIsWell();
    await remove(uid);
  }, 90_000);

  it('one that ignores SIGTERM is killed when its grace is over, with 137', async () => {
    const uid = await start("trap '' TERM; echo ready; while :; do sleep 1; done", {});
    await until('it runs', async () => isReady(await podOf(node, 'hostile')));
    const finalizers = { metadata: { finalizers: ['test.local/stay'] } };
    const patch = (body: object): Promise<unknown> =>
      node.server.send('PATCH', `${PODS}/hostile`, { contentType: 'application/merge-patch+json', body });
    await patch(finalizers);
    const deletedMs = Date.now();
    await node.server.call('DELETE', `${PODS}/hostile`, { gracePeriodSeconds: 2 });
    await until('it has ended', async () => {
      const [status] = (await podOf(node, 'hostile'))!.status!.containerStatuses!;
      return status?.state?.terminated !== undefined;
    });
    expect(Date.now() - deletedMs).toBeGreaterThanOrEqual(2_000);
    const pod = (await podOf(node, 'hostile'))!;
    expect(pod.status!.containerStatuses![0]!.state!.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    const { items } = await node.server.call<{
      items: { involvedObject: { uid: string }; reason: string; message: string }[];
    }>('GET', '/api/v1/namespaces/default/events');
    const told = items.filter(({ involvedObject, reason }) => involvedObject.uid === uid && reason === 'Killing');
    expect(told.map(({ message }) => message)).toEqual(['Stopping container main']);
    await patch({ metadata: { finalizers: null } });
    await until('the pod is gone', async () => (await podOf(node, 'hostile')) === undefined);
    await until('nothing of it is left', () => tracesOf(node, uid).length === 0);
    await otherIsWell();
  }, 60_000);
});
