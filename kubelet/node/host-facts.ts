/** What the machine is and has, read from the kernel and from `/etc`. */
import { readFile, statfs } from 'node:fs/promises';
import { arch, cpus, release, totalmem } from 'node:os';

export interface HostFacts {
  machineId: string;
  systemUuid: string;
  bootId: string;
  kernelVersion: string;
  osImage: string;
  /** As Go names it: `amd64`, `arm64`. */
  architecture: string;
  swapBytes: number;
}

export interface HostCapacity {
  cpus: number;
  memoryBytes: number;
  /** Of the file system that holds the pods. */
  diskBytes: number;
  /** 2 MiB and 1 GiB pages, by size in bytes. */
  hugePages: ReadonlyMap<string, number>;
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  riscv64: 'riscv64',
  s390x: 's390x',
};

const read = async (path: string): Promise<string> => (await readFile(path, 'utf8').catch(() => '')).trim();

export async function readHostFacts(): Promise<HostFacts> {
  const [machineId, dmiUuid, bootId, osRelease, memory] = await Promise.all(
    [
      '/etc/machine-id',
      '/sys/class/dmi/id/product_uuid',
      '/proc/sys/kernel/random/boot_id',
      '/etc/os-release',
      '/proc/meminfo',
    ].map(read),
  );
  return {
    machineId: machineId!,
    systemUuid: dmiUuid! || machineId!,
    bootId: bootId!,
    kernelVersion: release(),
    osImage: osImageOf(osRelease!),
    architecture: ARCHITECTURES[arch()] ?? arch(),
    swapBytes: Number(/^SwapTotal:\s+(\d+) kB/m.exec(memory!)?.[1] ?? 0) * 1024,
  };
}

/** `PRETTY_NAME` of an `os-release` file. */
export function osImageOf(text: string): string {
  const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1] ?? '';
  return value.replace(/^(["'])(.*)\1$/, '$2') || 'Linux';
}

/** What this process may use: limits of the cgroup that it runs in count. */
export async function detectCapacity(folder: string): Promise<HostCapacity> {
  const disk = await statfs(folder).catch(() => undefined);
  const limit = Number(
    (await read('/sys/fs/cgroup/memory.max')) || (await read('/sys/fs/cgroup/memory/memory.limit_in_bytes')),
  );
  const memory = totalmem();
  return {
    cpus: cpus().length,
    memoryBytes: limit > 0 && limit < memory ? limit : memory,
    diskBytes: disk === undefined ? 0 : disk.blocks * disk.bsize,
    hugePages: new Map(),
  };
}

export interface HostPressure {
  availableMemoryBytes: number;
  /** Shares that are free, 0 … 1. */
  freeDisk: number;
  freeInodes: number;
  freePids: number;
}

export async function readHostPressure(folder: string): Promise<HostPressure> {
  const [memory, load, pidMax] = await Promise.all(
    ['/proc/meminfo', '/proc/loadavg', '/proc/sys/kernel/pid_max'].map(read),
  );
  const disk = await statfs(folder).catch(() => undefined);
  const processes = Number(/\/(\d+)/.exec(load!)?.[1] ?? 0);
  return {
    availableMemoryBytes: Number(/^MemAvailable:\s+(\d+) kB/m.exec(memory!)?.[1] ?? Infinity) * 1024,
    freeDisk: disk === undefined || disk.blocks === 0 ? 1 : disk.bavail / disk.blocks,
    freeInodes: disk === undefined || disk.files === 0 ? 1 : disk.ffree / disk.files,
    freePids: 1 - processes / Math.max(1, Number(pidMax)),
  };
}

/** Nothing lacks; for simulated nodes. */
export const noPressure: HostPressure = { availableMemoryBytes: Infinity, freeDisk: 1, freeInodes: 1, freePids: 1 };
