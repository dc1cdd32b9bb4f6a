/**
 * What the whole machine uses, from the accounting of the root control group (v1 or v2), or from `/proc` where that
 * tells nothing (upstream: cadvisor `container/libcontainer/handler.go`, `setCPUStats`, `setMemoryStats`).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface HostUsage {
  /** Since the machine started. */
  cpuUsageNs: number;
  memoryUsageBytes: number;
  /** Without what the kernel can take back at once. */
  memoryWorkingSetBytes: number;
  memoryRssBytes?: number;
  memoryPageFaults?: number;
  memoryMajorPageFaults?: number;
}

export interface HostFolders {
  cgroups: string;
  proc: string;
}

const FOLDERS: HostFolders = { cgroups: '/sys/fs/cgroup', proc: '/proc' };
/** `USER_HZ`, which is 100 on every architecture that Linux runs on today. */
const NS_PER_TICK = 10_000_000;

type Fields = ReadonlyMap<string, number>;

export async function readHostUsage({ cgroups, proc }: HostFolders = FOLDERS): Promise<HostUsage> {
  const text = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  const [v2Cpu, v1Cpu, v2Memory, v1Memory, v2Stat, v1Stat, ticks, meminfo] = await Promise.all([
    text(join(cgroups, 'cpu.stat')),
    text(join(cgroups, 'cpuacct/cpuacct.usage')),
    text(join(cgroups, 'memory.current')),
    text(join(cgroups, 'memory/memory.usage_in_bytes')),
    text(join(cgroups, 'memory.stat')),
    text(join(cgroups, 'memory/memory.stat')),
    text(join(proc, 'stat')),
    text(join(proc, 'meminfo')),
  ]);
  const cpuUsageNs = cpuOf(fieldsOf(v2Cpu!), v1Cpu!, ticks!);
  const machine = fieldsOf(meminfo!.replaceAll(/:|kB/g, ''));
  const isV1 = v1Memory !== '';
  const stat = fieldsOf(isV1 ? v1Stat! : v2Stat!);
  const told = Number(isV1 ? v1Memory : v2Memory || NaN);
  // The root of v2 has no `memory.current`.
  const used = ((machine.get('MemTotal') ?? 0) - (machine.get('MemFree') ?? 0)) * 1024;
  const usage = Number.isFinite(told) ? told : used;
  const inactive =
    stat.get(isV1 ? 'total_inactive_file' : 'inactive_file') ?? (machine.get('Inactive(file)') ?? 0) * 1024;
  return {
    cpuUsageNs,
    memoryUsageBytes: usage,
    memoryWorkingSetBytes: Math.max(0, usage - inactive),
    ...faults(stat, isV1 ? 'total_' : ''),
  };
}

function cpuOf(v2: Fields, v1: string, ticks: string): number {
  const microseconds = v2.get('usage_usec');
  if (microseconds !== undefined) return microseconds * 1000;
  if (v1.trim() !== '') return Number(v1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu +(.*)$/m.exec(ticks)?.[1] ?? '')
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * NS_PER_TICK;
}

function faults(stat: Fields, prefix: string): Partial<HostUsage> {
  const rss = stat.get(prefix === '' ? 'anon' : 'total_rss');
  const minor = stat.get(`${prefix}pgfault`);
  const major = stat.get(`${prefix}pgmajfault`);
  return {
    ...(rss === undefined ? {} : { memoryRssBytes: rss }),
    ...(minor === undefined ? {} : { memoryPageFaults: minor }),
    ...(major === undefined ? {} : { memoryMajorPageFaults: major }),
  };
}

/** Lines of a name and a number. */
function fieldsOf(text: string): Fields {
  const fields = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name, value] = line.trim().split(/\s+/);
    if (name !== undefined && value !== undefined && Number.isFinite(Number(value))) fields.set(name, Number(value));
  }
  return fields;
}
