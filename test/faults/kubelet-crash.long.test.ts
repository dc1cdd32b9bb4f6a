/** The kubelet is killed at every effect of a pod's whole life. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { CrashMode } from './effects/crash-point.ts';
import { NODE, NodeProcess } from './node-process.ts';
import {
  createFullPod,
  isReady,
  podOf,
  PODS,
  runningOf,
  timesOf,
  tracesOf,
  untilThroughCrashes,
  volumesSeen,
} from './pod-life.ts';

const suite = process.getuid?.() === 0 ? describe : describe.skip;

const WRITES = [
  ...['mkdir', 'rename', 'rm', 'chmod'],
  ...['mkdirSync', 'mkdtempSync', 'writeFileSync', 'renameSync', 'symlinkSync', 'chmodSync'],
];
const PROBE = { httpGet: { port: 8080 }, periodSeconds: 1 };
const OTHER = {
  metadata: { name: 'other' },
  spec: {
    nodeName: NODE,
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'web',
        image: 'nocher.local/hello:1',
        readinessProbe: PROBE,
        livenessProbe: { ...PROBE, failureThreshold: 1 },
      },
    ],
  },
};

suite('kill -9 of the kubelet', () => {
  let node: NodeProcess;
  let crashes = 0;

  beforeAll(async () => {
    node = await NodeProcess.prepare();
    const { server } = node;
    await server.call('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'life' },
      data: { a: '1' },
    });
    await server.call('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 'life' },
      stringData: { b: '2' },
    });
    await node.start();
  }, 60_000);
  afterAll(async () => {
    await node.close();
  }, 30_000);

  const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
    crashes += await untilThroughCrashes(node, what, condition);
  };

  /** A pod from its creation to its end; returns what its kubelet did, unless it was killed. */
  const live = async (name: string): Promise<void> => {
    const created = await createFullPod(node, name);
    const uid = created.metadata.uid!;
    let pod: Pod | undefined;
    await until(`${name} is ready, and its status true`, async () => {
      pod = await podOf(node, name);
      const id = pod?.status?.containerStatuses?.[0]?.containerID?.replace(/.*:\/\//, '') ?? '';
      const runs = runningOf(node).some((one) => one.container === `${name}/main` && one.id === id);
      return runs && isReady(pod) && timesOf(node, name, 'main') === 2;
    });
    const status = pod!.status!.containerStatuses![0]!;
    expect(status.lastState?.terminated).toMatchObject({ exitCode: 3 });
    expect(status.restartCount).toBe(1);
    expect(timesOf(node, name, 'init')).toBe(1);
    expect(volumesSeen(node, name)).toMatch(/^\/empty 777 (?!tmpfs).*\n\/memory 777 tmpfs\n12$/);
    await node.server.call('DELETE', `${PODS}/${name}`);
    await until(`${name} is gone`, async () => (await podOf(node, name)) === undefined);
    await until(`nothing of ${name} is left`, () => tracesOf(node, uid).length === 0);
    expect(timesOf(node, name, 'preStop')).toBeGreaterThan(0);
    expect(timesOf(node, name, 'term')).toBe(1);
  };

  let effects: readonly string[];
  let other: Pod['status'];

  it('begins with a life without a crash', async () => {
    await node.server.call('POST', PODS, OTHER);
    await until('the other pod is ready', async () => isReady(await podOf(node, 'other')));
    other = (await podOf(node, 'other'))!.status;
    await node.arm(undefined);
    await live('recorded');
    effects = await node.effects();
    const words = new Set(effects.map((label) => label.split(' ')[0]));
    expect(words).toEqual(new Set([...WRITES, 'spawn', 'monitor', 'mount', 'umount', 'pull', 'PATCH', 'DELETE']));
  }, 60_000);

  // A file is written, or it is not: during is before or after.
  it.each<[CrashMode, (label: string) => boolean]>([
    ['before', () => true],
    ['during', (label) => !WRITES.includes(label.split(' ')[0]!)],
  ])(
    '%s any of its effects leaves statuses true, nothing behind and other pods alone',
    async (mode, counts) => {
      for (const [index, label] of effects.entries()) {
        if (!counts(label)) continue;
        try {
          await node.arm({ index, mode });
          await live(`${mode}-${index}`);
          expect((await podOf(node, 'other'))!.status).toEqual(other);
        } catch (error) {
          throw new Error(`killed ${mode} ${label} (${index}): ${String(error)}`, { cause: error });
        }
      }
      // The last effects of a life may be fewer than the first time.
      expect(crashes).toBeGreaterThan(effects.filter(counts).length / 2);
      crashes = 0;
    },
    600_000,
  );
});
