/** What is to run once runs once, wherever in its life the kubelet is killed. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../api/core/v1/pod.ts';
import { NodeProcess } from './node-process.ts';
import { podOf, PODS, simplePod, timesOf, tracesOf, untilThroughCrashes } from './pod-life.ts';

const suite = process.getuid?.() === 0 ? describe : describe.skip;

suite('kill -9 of the kubelet of a pod that is to run once', () => {
  let node: NodeProcess;
  let crashes = 0;

  beforeAll(async () => {
    node = await NodeProcess.prepare();
    await node.start();
  }, 60_000);
  afterAll(async () => {
    await node.close();
  }, 30_000);

  const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
    crashes += await untilThroughCrashes(node, what, condition);
  };

  const live = async (name: string): Promise<void> => {
    const path = join(node.folder, 'history', name);
    mkdirSync(path);
    const container = {
      name: 'main',
      image: 'nocher.local/hello:1',
      command: ['sh', '-c', 'echo run >>/history/main; sleep 0.1'],
      volumeMounts: [{ name: 'history', mountPath: '/history' }],
    };
    const volumes = [{ name: 'history', hostPath: { path } }];
    const created = simplePod(name, { restartPolicy: 'Never', containers: [container], volumes });
    const { metadata } = await node.server.call<Pod>('POST', PODS, created);
    await until(`${name} has succeeded`, async () => (await podOf(node, name))?.status?.phase === 'Succeeded');
    expect((await podOf(node, name))!.status!.containerStatuses![0]).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: 0, reason: 'Completed' } },
    });
    await node.server.call('DELETE', `${PODS}/${name}`);
    await until(`${name} is gone`, async () => (await podOf(node, name)) === undefined);
    await until(`nothing of ${name} is left`, () => tracesOf(node, metadata.uid!).length === 0);
    expect(timesOf(node, name, 'main')).toBe(1);
  };

  it('at any effect lets it run to its end, and never again', async () => {
    await node.arm(undefined);
    await live('recorded');
    const effects = await node.effects();
    for (const [index, label] of effects.entries()) {
      // What a monitor is asked for may have been heard or not.
      for (const mode of label.startsWith('monitor') ? (['before', 'during'] as const) : (['before'] as const)) {
        try {
          await node.arm({ index, mode });
          await live(`${mode}-${index}`);
        } catch (error) {
          throw new Error(`killed ${mode} ${label} (${index}): ${String(error)}`, { cause: error });
        }
      }
    }
    expect(crashes).toBeGreaterThan(effects.length / 2);
  }, 240_000);
});
