/** The runtime suite for what containers may do. */
import { expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerConfig } from './runtime.ts';
import { until } from './runtime-suite-bench.ts';
import type { RuntimeBench } from './runtime-suite-bench.ts';

export function describePrivileges(bench: RuntimeBench): void {
  const { fixture, runtime, startPod, containerConfig, podConfig } = bench;
  const withProfile = (localhostPath: string, script = 'true'): Partial<ContainerConfig> => {
    const { linux } = containerConfig();
    const security: typeof linux.security = { ...linux.security, seccomp: { type: 'Localhost', localhostPath } };
    return { command: ['sh', '-c', script], linux: { ...linux, security } };
  };
  const profile = (name: string, content: string): string => {
    const folder = join(fixture().folder, 'seccomp', 'profiles');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), content);
    return `profiles/${name}`;
  };

  it('are what a profile on the node leaves, for commands that come later too', async () => {
    const refusal = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 };
    const path = profile('no-folders.json', JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refusal] }));
    const config = withProfile(path, 'mkdir /tmp/one; exec sleep 1000');
    const { sandbox, container } = await startPod('profile', config);
    const { stderr } = await runtime().execSync(container, ['mkdir', '/tmp/two'], 10_000);
    expect(Buffer.from(stderr).toString()).toContain('Permission denied');
    const { logPath } = await runtime().containerStatus(container);
    const isRefused = (): boolean => /stderr F .*Permission denied/.test(readFileSync(logPath, 'utf8'));
    await until('the command itself is refused', async () => isRefused() || undefined);
    await runtime().removePodSandbox(sandbox);
  });

  it.each([
    ['not there', undefined, /cannot load seccomp profile "\S+": open \S+: no such file or directory/],
    ['none', 'nonsense', /decoding seccomp profile failed "\S+"/],
  ])('cannot come from a profile that is %s', async (name, content, message) => {
    const path = content === undefined ? 'missing.json' : profile('broken.json', content);
    const config = podConfig(`profile-${name.replace(' ', '-')}`);
    const sandbox = await runtime().runPodSandbox(config);
    const created = runtime().createContainer(sandbox, containerConfig(withProfile(path)), config);
    await expect(created).rejects.toThrow(message);
    await runtime().removePodSandbox(sandbox);
  });
}
