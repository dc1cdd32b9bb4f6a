/** What this process mounts, where it may: file systems in memory for what must not reach a disk, and those of devices. */
import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import { mountDevice } from './device-file-system.ts';
import type { DeviceMount } from './device-file-system.ts';
import { VolumeError } from './payloads.ts';

/** Of the root of the file system. */
export interface TmpfsOptions {
  sizeBytes?: number;
  /** Default: 0755. */
  mode?: number;
  /** Default: root's. */
  group?: number;
}

export interface HostMounter {
  /** Mounts a tmpfs, unless one is there already. Returns false where that is not permitted. */
  mountTmpfs(path: string, options: TmpfsOptions): Promise<boolean>;
  /** As `device-file-system.ts` does, in a folder, unless something is mounted there already. Throws `VolumeError`. */
  mountDevice(path: string, mount: DeviceMount): Promise<void>;
  /** Unmounts every file system at or below `path`; those that are busy are let go. Rejects when one is still there. */
  unmountBelow(path: string): Promise<void>;
}

const run = promisify(execFile);

/** Mounts in this process's own mount namespace. */
export const linuxMounter: HostMounter = {
  async mountTmpfs(path, { sizeBytes, mode = 0o755, group }) {
    if (process.getuid?.() !== 0) return false;
    if ((await mountPoints()).includes(path)) return true;
    const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
    const owner = group === undefined ? [] : [`gid=${group}`];
    const options = [`mode=${mode.toString(8).padStart(4, '0')}`, 'nosuid', 'nodev', ...size, ...owner].join(',');
    try {
      await run('mount', ['-t', 'tmpfs', '-o', options, 'nocher', path]);
      return true;
    } catch {
      return false;
    }
  },
  async mountDevice(path, mount) {
    if (!(await mountPoints()).includes(await realPath(path))) await mountDevice(path, mount);
  },
  async unmountBelow(path) {
    const real = await realPath(path);
    // The last mounted first.
    for (const point of await mountsBelow(real)) await run('umount', ['-l', point]).catch(() => undefined);
    const [left] = await mountsBelow(real);
    // Who removes the folder must not remove what is mounted in it.
    if (left !== undefined) throw new Error(`${left} cannot be unmounted`);
  },
};

/** Mounts nothing; for tests and for users that may not. */
export const noMounter: HostMounter = {
  mountTmpfs: () => Promise.resolve(false),
  mountDevice: (_path, { device }) => Promise.reject(new VolumeError(`${device} must not be mounted`)),
  unmountBelow: () => Promise.resolve(),
};

async function mountsBelow(path: string): Promise<string[]> {
  return (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`)).reverse();
}

/** As the kernel names it. */
function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point) => point !== undefined)
    .map((point) => point.replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8))));
}
