import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { alive, build, cannotRun, Pod, Stream, withPod } from './pod-fixture.ts';
import type { Json } from './pod-fixture.ts';

const suite = cannotRun === undefined ? describe : describe.skip;

suite('native resources', () => {
  let pod: Pod;
  beforeAll(async () => {
    build();
    pod = await new Pod().start();
  }, 120_000);
  afterAll(() => pod.stop());
  const hog = 'dd if=/dev/zero of=/dev/null bs=256M count=1';
  const limit = { resources: { memoryLimitBytes: 16 << 20 } };
  const cgroupFile = (controller: string, container: string, file: string): string => {
    const folder = ['', controller].map((name) => path.join('/sys/fs/cgroup', name, pod.cgroup, 'pod', container));
    return fs
      .readFileSync(path.join(folder.find((name) => fs.existsSync(path.join(name, file))) ?? '', file), 'utf8')
      .trim();
  };

  it('a main process that takes too much memory is OOMKilled with 137, its neighbour lives on', async () => {
    const neighbour = await pod.run(['sleep', '1000'], limit);
    const id = await pod.run(hog.split(' '), limit);
    const status = await pod.client.call('wait', { container: id });
    expect(status).toMatchObject({ exitCode: 137, signal: 9, oomKilled: true, reason: 'OOMKilled' });
    const { containers } = await pod.client.call('status');
    expect((containers as Json[]).find((one) => one['id'] === neighbour)?.['state']).toBe('Running');
    await pod.client.call('remove', { container: neighbour });
  });

  it('a child that is killed for memory is an event; a clean exit afterwards is Completed', async () => {
    await pod.client.call('watch');
    const id = await pod.run(['sh', '-c', `${hog}; read x; exit 0`], { ...limit, stdin: true });
    const event = await pod.client.nextEvent((one) => one['event'] === 'oom');
    expect(event['container']).toMatchObject({ id, state: 'Running' });
    const stream = new Stream(pod.socketPath, { command: 'attach', container: id, stdin: true });
    await stream.answer;
    stream.send(0, '\n');
    expect(await pod.client.call('wait', { container: id })).toMatchObject({
      exitCode: 0,
      oomKilled: false,
      reason: 'Completed',
    });
  });

  it('limits are in the cgroup, and update changes them', async () => {
    const resources = {
      cpuQuotaUs: 25_000,
      cpuPeriodUs: 100_000,
      cpuShares: 512,
      memoryLimitBytes: 32 << 20,
      pidsLimit: 50,
    };
    const id = await pod.run(['sleep', '1000'], { resources });
    expect(cgroupFile('pids', id, 'pids.max')).toBe('50');
    const v2 = pod.ready['cgroupMode'] === 'v2';
    const memory = v2 ? 'memory.max' : 'memory.limit_in_bytes';
    expect(cgroupFile('memory', id, memory)).toBe(String(32 << 20));
    expect(v2 ? cgroupFile('', id, 'cpu.max') : cgroupFile('cpu', id, 'cpu.cfs_quota_us')).toMatch(/^25000/);
    expect(v2 ? cgroupFile('', id, 'cpu.weight') : cgroupFile('cpu', id, 'cpu.shares')).toBe(v2 ? '20' : '512');
    const answer = await pod.client.call('update', { container: id, resources: { memoryLimitBytes: 64 << 20 } });
    expect(cgroupFile('memory', id, memory)).toBe(String(64 << 20));
    expect(answer).toEqual({ warnings: [] });
    await pod.client.call('remove', { container: id });
  });

  it('pidsLimit stops a fork bomb', async () => {
    const { code, stderr } = await pod.shell('for i in $(seq 100); do sleep 5 & done; exit 3', {
      resources: { pidsLimit: 20 },
    });
    expect(stderr).toContain("can't fork");
    expect(code).not.toBe(0);
  });

  it('stats count processor time, memory and processes', async () => {
    const id = await pod.run([
      'sh',
      '-c',
      'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ready; exec sleep 1000',
    ]);
    while (pod.log(id, 'stdout') === '') await pod.client.call('status');
    const { containers, pod: whole } = await pod.client.call('stats');
    const one = (containers as Json[]).find((stats) => stats['id'] === id) as Json;
    expect(one['cpuUsageNs']).toBeGreaterThan(1_000_000);
    expect(one['memoryUsageBytes']).toBeGreaterThan(0);
    expect(one['memoryWorkingSetBytes']).toBeLessThanOrEqual(one['memoryUsageBytes'] as number);
    expect(one['pids']).toBe(1);
    expect(whole.cpuUsageNs).toBeGreaterThanOrEqual(one['cpuUsageNs'] as number);
    await pod.client.call('remove', { container: id });
  });

  it('a container that floods its log does not hold up the control socket', async () => {
    const id = await pod.run(['yes', 'a line of some length that is written again and again']);
    for (let i = 0; i < 50; i++) await pod.client.call('status');
    await pod.client.call('remove', { container: id });
    expect(pod.logLines(id).length).toBeGreaterThan(1000);
  });

  it('exit leaves no process of the container behind, with one shared PID namespace too', async () => {
    await withPod({ namespaces: { pid: 'pod' } }, async (shared) => {
      const { stdout } = await shared.shell('setsid sleep 1000 & setsid sleep 1000 & sleep 0.05; exit 0');
      const other = await shared.shell('ps -o args');
      expect(stdout).toBe('');
      expect(other.stdout).not.toContain('sleep 1000');
    });
  }, 20_000);

  it('remove of a running container kills it and frees the cgroup', async () => {
    const id = await pod.run(['sh', '-c', 'trap "" TERM INT; while true; do sleep 1; done']);
    const { containers } = await pod.client.call('status');
    const { pid } = (containers as Json[]).find((one) => one['id'] === id) as { pid: number };
    await pod.client.call('remove', { container: id });
    expect(alive(pid)).toBe(false);
    for (const folder of pod.cgroupFolders()) expect(fs.existsSync(path.join(folder, 'pod', id))).toBe(false);
  });
});
