/** File systems in memory for what must not reach a disk, where this process may mount them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

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
  /** Unmounts every file system at or below `path`; those that are busy are let go. */
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
  async unmountBelow(path) {
    const below = (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`));
    // The last mounted first.
    for (const point of below.reverse()) await run('umount', ['-l', point]).catch(() => undefined);
  },
};

/** Mounts nothing; for tests and for users that may not. */
export const noMounter: HostMounter = {
  mountTmpfs: () => Promise.resolve(false),
  unmountBelow: () => Promise.resolve(),
};

async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point) => point !== undefined)
    .map((point) => point.replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8))));
}
