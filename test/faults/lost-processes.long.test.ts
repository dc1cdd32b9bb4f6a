/** Monitors and pauses that are killed, with and without a kubelet that sees it, and a reboot. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../api/core/v1/pod.ts';
import { NodeProcess } from './node-process.ts';
import { isReady, podOf, PODS, runningOf, sandboxesOf, simplePod, tracesOf } from './pod-life.ts';

const suite = process.getuid?.() === 0 ? describe : describe.skip;

suite('processes of pods that are gone', () => {
  let node: NodeProcess;
  let other: Pod['status'];
  /** How many the other pod has. */
  let processes: number;

  beforeAll(async () => {
    node = await NodeProcess.prepare();
    await node.start();
    await node.server.call('POST', PODS, simplePod('other'));
    await until('the other pod is ready', async () => isReady(await podOf(node, 'other')));
    other = (await podOf(node, 'other'))!.status;
    await until('its script sleeps', () => node.processes().some(({ command }) => command.startsWith('sleep ')));
    processes = node.processes().length;
  }, 60_000);
  afterAll(async () => {
    await node.close();
  }, 30_000);

  const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
    const endMs = Date.now() + 15_000;
    while (!(await condition())) {
      if (Date.now() > endMs) {
        const { status } = (await podOf(node, 'pod')) ?? {};
        throw new Error(`never: ${what}\n${JSON.stringify(status)}\n${node.printed}`);
      }
      await sleep(15);
    }
  };

  const hasRestarted = (restartCount: number) => async (): Promise<boolean> => {
    const pod = await podOf(node, 'pod');
    const status = pod?.status?.containerStatuses?.[0];
    const id = status?.containerID?.replace(/.*:\/\//, '');
    return isReady(pod) && status?.restartCount === restartCount && runningOf(node).some((one) => one.id === id);
  };

  const start = async (spec: object = {}): Promise<string> => {
    const { metadata } = await node.server.call<Pod>('POST', PODS, simplePod('pod', spec));
    await until('the pod is ready', hasRestarted(0));
    return metadata.uid!;
  };

  /** Kills the monitor of the newest sandbox of a pod, or its pause. */
  const killOf = (uid: string, which: 'monitor' | 'pause'): void => {
    const { pid } = sandboxesOf(node)
      .filter(({ owner }) => owner === uid)
      .map(({ sandbox }) => node.processes().find(({ command }) => command.includes(`/${sandbox}/monitor.sock`)))
      .find((found) => found !== undefined)!;
    const [pause] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    process.kill(Number(which === 'monitor' ? pid : pause), 'SIGKILL');
  };

  const remove = async (uid: string): Promise<void> => {
    await node.server.call('DELETE', `${PODS}/pod`, { gracePeriodSeconds: 1 });
    await until('the pod is gone', async () => (await podOf(node, 'pod')) === undefined);
    await until('nothing of it is left', () => tracesOf(node, uid).length === 0);
    await until('its processes are gone', () => node.processes().length === processes && node.links().length === 1);
    expect((await podOf(node, 'other'))!.status).toEqual(other);
  };

  const reasonsOf = async (uid: string): Promise<string[]> => {
    const { items } = await node.server.call<{ items: { involvedObject: { uid: string }; reason: string }[] }>(
      'GET',
      '/api/v1/namespaces/default/events',
    );
    return items.filter(({ involvedObject }) => involvedObject.uid === uid).map(({ reason }) => reason);
  };

  describe.each(['monitor', 'pause'] as const)('kill -9 of the %s', (which) => {
    it('gives the pod a new sandbox and its container a restart', async () => {
      const uid = await start();
      const before = (await podOf(node, 'pod'))!.status!;
      killOf(uid, which);
      await until('it runs again', hasRestarted(1));
      expect(runningOf(node)).toHaveLength(2);
      const pod = (await podOf(node, 'pod'))!;
      expect(pod.status!.containerStatuses![0]!.lastState?.terminated).toMatchObject({
        exitCode: 137,
        reason: 'Error',
      });
      expect(pod.status!.podIP).not.toBe(before.podIP);
      await until('it is told', async () => (await reasonsOf(uid)).includes('SandboxChanged'));
      await remove(uid);
    });

    it.each([{ shareProcessNamespace: true }, { hostPID: true }, { hostNetwork: true }])(
      'leaves nothing of a pod with %j',
      async (spec) => {
        const uid = await start(spec);
        killOf(uid, which);
        await until('it runs again', hasRestarted(1));
        expect(runningOf(node)).toHaveLength(2);
        await remove(uid);
      },
    );

    it('is noticed by a kubelet that was away', async () => {
      const uid = await start();
      await node.kill();
      killOf(uid, which);
      await until('it is dead', () => runningOf(node).length === 1);
      await node.start();
      await until('it runs again', hasRestarted(1));
      const { lastState } = (await podOf(node, 'pod'))!.status!.containerStatuses![0]!;
      const end = which === 'monitor' ? { exitCode: 255, reason: 'Unknown' } : { exitCode: 137, reason: 'Error' };
      expect(lastState?.terminated).toMatchObject(end);
      await remove(uid);
    });

    it('ends a pod that is to run once', async () => {
      const uid = await start({ restartPolicy: 'Never' });
      killOf(uid, which);
      await until('it has failed', async () => (await podOf(node, 'pod'))!.status!.phase === 'Failed');
      const [status] = (await podOf(node, 'pod'))!.status!.containerStatuses!;
      expect(status).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 137, reason: 'Error' } } });
      expect(runningOf(node)).toHaveLength(1);
      await remove(uid);
    });
  });

  it('gives addresses back', async () => {
    // Five there are, and one is taken.
    for (let count = 0; count < 6; count++) {
      const uid = await start();
      killOf(uid, count % 2 === 0 ? 'monitor' : 'pause');
      await until('it runs again', hasRestarted(1));
      await remove(uid);
    }
  }, 60_000);

  it('all of them and all that was in memory: a reboot brings the pods back, and ends those that run once', async () => {
    const volumes = [{ name: 'memory', emptyDir: { medium: 'Memory' } }];
    const command = ['sh', '-c', 'stat -f -c %T /memory; trap "exit 0" TERM; while :; do sleep 1000 & wait; done'];
    const volumeMounts = [{ name: 'memory', mountPath: '/memory' }];
    const containers = [{ name: 'main', image: 'nocher.local/hello:1', command, volumeMounts }];
    const uid = await start({ volumes, containers });
    const once = simplePod('once', { restartPolicy: 'Never' });
    const { metadata } = await node.server.call<Pod>('POST', PODS, once);
    await until('it runs', async () => isReady(await podOf(node, 'once')));
    await node.crashMachine();
    expect([node.processes(), node.mounts(), node.cgroups(), node.links()]).toEqual([[], [], [], []]);
    await node.server.send('PATCH', '/api/v1/nodes/node-1/status', {
      contentType: 'application/merge-patch+json',
      body: { status: { nodeInfo: { bootID: 'the-boot-before' } } },
    });
    await node.start();
    await until('it runs again', hasRestarted(1));
    const pod = (await podOf(node, 'pod'))!;
    expect(pod.metadata.uid).toBe(uid);
    expect(pod.status!.containerStatuses![0]!.lastState?.terminated).toMatchObject({
      exitCode: 255,
      reason: 'Unknown',
    });
    const log = join(node.folder, 'logs', `default_pod_${uid}`, 'main', '1.log');
    await until('its memory is memory', () => readFileSync(log, 'utf8').includes(' F tmpfs\n'));
    await until('the other has failed', async () => (await podOf(node, 'once'))!.status!.phase === 'Failed');
    expect((await podOf(node, 'once'))!.status!.containerStatuses![0]).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: 255, reason: 'Unknown' } },
    });
    await until('the reboot is told', async () => (await reasonsOf('node-1')).includes('Rebooted'));
    await until('the changed sandbox is told', async () => (await reasonsOf(uid)).includes('SandboxChanged'));
    await until('the first pod runs', async () => isReady(await podOf(node, 'other')));
    other = (await podOf(node, 'other'))!.status;
    expect(other!.containerStatuses![0]!.restartCount).toBe(1);
    await node.server.call('DELETE', `${PODS}/once`);
    await until('nothing of the one that ran once is left', () => tracesOf(node, metadata.uid!).length === 0);
    await remove(uid);
  });
});
