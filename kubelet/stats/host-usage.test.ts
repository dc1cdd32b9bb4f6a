import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readHostUsage } from './host-usage.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'host-usage-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function machine(files: Readonly<Record<string, string>>): ReturnType<typeof readHostUsage> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return readHostUsage({ cgroups: join(folder, 'cgroup'), proc: join(folder, 'proc') });
}

const MEMINFO = 'MemTotal:       1000 kB\nMemFree:         400 kB\nInactive(file):   100 kB\n';

it('reads the root group of version 2, which has no memory.current', async () => {
  const usage = await machine({
    'cgroup/cpu.stat': 'usage_usec 2500000\nuser_usec 2000000\n',
    'cgroup/memory.stat': 'anon 300\ninactive_file 51200\npgfault 7\npgmajfault 2\n',
    'proc/meminfo': MEMINFO,
  });
  expect(usage).toEqual({
    cpuUsageNs: 2_500_000_000,
    memoryUsageBytes: 600 * 1024,
    memoryWorkingSetBytes: 550 * 1024,
    memoryRssBytes: 300,
    memoryPageFaults: 7,
    memoryMajorPageFaults: 2,
  });
});

it('reads a group of version 2 that is the root of a namespace', async () => {
  const usage = await machine({
    'cgroup/cpu.stat': 'usage_usec 1\n',
    'cgroup/memory.current': '5000\n',
    'cgroup/memory.stat': 'inactive_file 6000\n',
  });
  expect(usage).toEqual({ cpuUsageNs: 1000, memoryUsageBytes: 5000, memoryWorkingSetBytes: 0 });
});

it('reads the hierarchies of version 1', async () => {
  const usage = await machine({
    'cgroup/cpuacct/cpuacct.usage': '1234567890\n',
    'cgroup/memory/memory.usage_in_bytes': '8192\n',
    'cgroup/memory/memory.stat':
      'inactive_file 1\ntotal_inactive_file 4096\ntotal_rss 2048\ntotal_pgfault 3\ntotal_pgmajfault 1\n',
  });
  expect(usage).toEqual({
    cpuUsageNs: 1_234_567_890,
    memoryUsageBytes: 8192,
    memoryWorkingSetBytes: 4096,
    memoryRssBytes: 2048,
    memoryPageFaults: 3,
    memoryMajorPageFaults: 1,
  });
});

it('takes what /proc tells where there are no control groups', async () => {
  const usage = await machine({ 'proc/stat': 'cpu  10 20 30 1000 500 1 2 3 0 0\ncpu0 1 1\n', 'proc/meminfo': MEMINFO });
  expect(usage).toEqual({
    cpuUsageNs: 66 * 10_000_000,
    memoryUsageBytes: 600 * 1024,
    memoryWorkingSetBytes: 500 * 1024,
  });
});

it('finds something on this machine', async () => {
  const usage = await readHostUsage();
  expect(usage.cpuUsageNs).toBeGreaterThan(0);
  expect(usage.memoryWorkingSetBytes).toBeGreaterThan(0);
});
