import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { buildHelloImages } from '../images/hello-image.ts';
import { createImageStore } from '../images/store.ts';
import type { ImageStore } from '../images/store.ts';
import { runRuntimeSuite } from '../runtime-suite.ts';
import type { RuntimeBench, RuntimeFixture } from '../runtime-suite-bench.ts';
import { hostNames } from './host-names.ts';
import { NativeRuntime } from './native-runtime.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const binary = join(root, 'dist/native/nocher-native');
const isRoot = process.getuid?.() === 0;
const clusterId = process.pid.toString(16).padStart(8, '0').slice(-8);
const netns = `nocher-runtime-${randomBytes(6).toString('hex')}`;

async function openFixture(): Promise<RuntimeFixture> {
  if (!existsSync(binary))
    spawnSync('make', ['-s', '-C', join(root, 'native'), 'OUT=../dist/native'], { stdio: 'inherit' });
  const folder = mkdtempSync(join(tmpdir(), 'nocher-runtime-'));
  spawnSync('ip', ['netns', 'add', netns]);
  spawnSync('nsenter', [`--net=/run/netns/${netns}`, 'ip', 'link', 'set', 'lo', 'up']);
  // The helper, run in a network namespace of the test's own.
  const program = join(folder, 'nocher-native');
  writeFileSync(program, `#!/bin/sh\nexec nsenter --net=/run/netns/${netns} ${binary} "$@"\n`, { mode: 0o755 });
  const images = createImageStore({ folder: join(folder, 'images'), clock: realClock, log: silentLogger });
  const signal = new AbortController().signal;
  await buildHelloImages({ store: images, sourceFolder: join(root, 'examples/hello'), signal });
  const open = (): Promise<NativeRuntime> => openRuntime({ program, folder, images });
  let runtime = await open();
  return {
    runtime,
    imageId: (await images.status('nocher.local/hello:1'))!.id,
    folder,
    cgroup: hostNames(clusterId).cgroup,
    async reopen() {
      runtime.close();
      runtime = await open();
      return runtime;
    },
    async close() {
      runtime.close();
      await images.close();
      spawnSync('ip', ['netns', 'delete', netns]);
      removeCgroups();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Parts {
  program: string;
  folder: string;
  images: ImageStore;
}

function openRuntime({ program, folder, images }: Parts): Promise<NativeRuntime> {
  return NativeRuntime.open({
    program,
    folder: join(folder, 'sandboxes'),
    clusterId,
    podCidr: '10.244.0.0/24',
    images,
    clock: realClock,
    random: realRandom,
    log: silentLogger,
    version: 'test',
    seccompFolder: join(folder, 'seccomp'),
  });
}

function removeCgroups(): void {
  const names = hostNames(clusterId);
  for (const controller of readdirSync('/sys/fs/cgroup')) {
    for (const part of ['burstable', 'monitors', ''])
      spawnSync('rmdir', [join('/sys/fs/cgroup', controller, names.cgroup, part)]);
  }
}

function describeNative({ runtime, startPod, containerConfig, podConfig }: RuntimeBench): void {
  it('gives a command only three descriptors and no way to the host', async () => {
    const { sandbox, container } = await startPod('descriptors');
    const { stdout } = await runtime().execSync(container, ['ls', '/proc/self/fd'], 10_000);
    // And the one that ls reads.
    expect(Buffer.from(stdout).toString().trim().split('\n')).toEqual(['0', '1', '2', '3']);
    await runtime().removePodSandbox(sandbox);
  });

  it('tells the signal that ended a container, and says why one did not start in few words', async () => {
    const { sandbox, container } = await startPod('killed');
    await runtime().stopContainer(container, 0);
    expect(await runtime().containerStatus(container)).toMatchObject({ exitCode: 137, signal: 9 });
    const missing = await runtime().createContainer(
      sandbox,
      containerConfig({ command: ['nope'], metadata: { name: 'missing', attempt: 0 } }),
      podConfig('killed'),
    );
    await expect(runtime().startContainer(missing)).rejects.toMatchObject({
      message: 'exec: "nope": executable file not found in $PATH',
    });
    await runtime().removePodSandbox(sandbox);
  });
}

if (isRoot) runRuntimeSuite('native', { open: openFixture, hasProcesses: true, further: describeNative });
else describe.skip('native: runtime contract needs root', () => it('is skipped', () => undefined));
