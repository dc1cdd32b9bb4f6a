/** A container that ends a thousand times: what it leaves is what it left after the first hundred. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../api/core/v1/pod.ts';
import { NodeProcess } from './node-process.ts';
import { podOf, PODS, sandboxesOf, simplePod } from './pod-life.ts';

const suite = process.getuid?.() === 0 ? describe : describe.skip;

const FIRST = 100;
const LAST = 1_000;
const MIB = 1 << 20;
/** For what comes after a start: the status, the removal of the run before the last. */
const QUIET_MS = 500;

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

suite('a thousand restarts of a container', () => {
  let node: NodeProcess;
  beforeAll(async () => {
    node = await NodeProcess.prepare();
    await node.start({ crashBackoff: { initialMs: 1, maxMs: 1 } });
  }, 60_000);
  afterAll(async () => {
    await node.close();
  }, 30_000);

  const anonymousBytes = (pid: string): number =>
    Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;

  const filesBelow = (folder: string): number => readdirSync(folder, { recursive: true }).length;

  const usage = async (uid: string): Promise<Record<'things' | 'memory', Record<string, number>>> => {
    const [{ sandbox } = { sandbox: '' }] = sandboxesOf(node);
    const monitor = node.processes().find(({ command }) => command.includes('/monitor.sock'))!.pid;
    return {
      things: {
        sandboxes: sandboxesOf(node).length,
        containers: readdirSync(join(node.folder, 'sandboxes', sandbox, 'c')).length,
        cgroups: node.cgroups().filter((path) => path.includes(uid)).length,
        podFiles: filesBelow(join(node.folder, 'pods', uid)),
        logFiles: filesBelow(join(node.folder, 'logs')),
        monitorDescriptors: readdirSync(`/proc/${monitor}/fd`).length,
        kubeletDescriptors: readdirSync(`/proc/${node.pid}/fd`).length,
      },
      memory: { monitor: anonymousBytes(monitor), kubelet: await node.heapBytes() },
    };
  };

  it('leaves no more than a hundred', async () => {
    const holdFile = join(node.folder, 'history', 'hold');
    const script =
      'echo again; echo because >/dev/termination-log; while [ -e /history/hold ]; do sleep 0.1; done; exit 7';
    const container = {
      name: 'main',
      image: 'nocher.local/hello:1',
      command: ['sh', '-c', script],
      volumeMounts: [{ name: 'history', mountPath: '/history' }],
    };
    const volumes = [{ name: 'history', hostPath: { path: join(node.folder, 'history') } }];
    const created = simplePod('restless', { containers: [container], volumes });
    const { metadata } = await node.server.call<Pod>('POST', PODS, created);
    const untilStatus = async (what: string, holds: (status: ContainerStatus) => boolean): Promise<ContainerStatus> => {
      const endMs = Date.now() + 160_000;
      for (;;) {
        const status = (await podOf(node, 'restless'))?.status?.containerStatuses?.[0];
        if (status !== undefined && holds(status)) return status;
        if (Date.now() > endMs) throw new Error(`never ${what}: ${JSON.stringify(status)}\n${node.printed}`);
        await sleep(20);
      }
    };
    /** With one run that waits, so that nothing is under way. */
    const usageAfter = async (count: number): ReturnType<typeof usage> => {
      await untilStatus(`${count} restarts`, ({ restartCount }) => restartCount >= count);
      writeFileSync(holdFile, '');
      let last = '';
      await untilStatus('a run that waits', ({ containerID = '', state }) => {
        const isSame = state?.running !== undefined && last === containerID;
        last = containerID;
        return isSame;
      });
      await sleep(QUIET_MS);
      const found = await usage(metadata.uid!);
      rmSync(holdFile);
      return found;
    };
    const before = await usageAfter(FIRST);
    const after = await usageAfter(LAST);
    expect(after.things).toEqual(before.things);
    expect(after.memory['monitor']! - before.memory['monitor']!).toBeLessThan(MIB / 4);
    expect(after.memory['kubelet']! - before.memory['kubelet']!).toBeLessThan(5 * MIB);
    const { lastState } = await untilStatus('an end', ({ restartCount }) => restartCount > LAST);
    expect(lastState?.terminated).toMatchObject({ exitCode: 7, message: 'because\n' });
  }, 300_000);
});
