/**
 * Sub-paths of volumes for a runtime that takes plain host paths: each is resolved below its volume through open
 * descriptors, so that no link leads out and none can be changed in between, and bound to a folder of our own until the
 * container has been started (upstream `k8s.io/mount-utils`, `subpath_linux.go`).
 */
import { execFile } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Mount } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import { linuxMounter } from '../volumes/host-mounter.ts';

const run = promisify(execFile);

/** Linux's; Node does not name it. */
const O_PATH = 0o10000000;
const O_NOFOLLOW = 0o400000;
const MAX_LINKS = 40;
/** The mode of folders that a sub-path asks for. */
const FOLDER_MODE = 0o750;

/** Path of an entry below an open folder, whatever its own path has become. */
const below = (folder: number, name: string): string => `/proc/self/fd/${folder}/${name}`;

/**
 * Opens what `subPath` names below `root`; missing folders are made. The caller closes the descriptor. Throws
 * `RuntimeError` for a way that leads out.
 */
export function openBelow(root: string, subPath: string): number {
  const folders = [openSync(root, O_PATH)];
  const pending = subPath.split('/');
  let links = 0;
  try {
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      const target = step(folders, { name, subPath });
      if (target === undefined) continue;
      if (++links > MAX_LINKS) throw new RuntimeError('invalid-argument', `subPath ${subPath}: too many links`);
      pending.unshift(...target.split('/'));
    }
    return folders.pop()!;
  } finally {
    for (const folder of folders) closeSync(folder);
  }
}

/** One name further; gives the target when it is a link's. */
function step(folders: number[], { name, subPath }: { name: string; subPath: string }): string | undefined {
  if (name === '' || name === '.') return undefined;
  if (name === '..') {
    if (folders.length === 1) throw leadsOut(subPath);
    closeSync(folders.pop()!);
    return undefined;
  }
  const current = folders.at(-1)!;
  const entry = openOrMake(current, name);
  if (!fstatSync(entry).isSymbolicLink()) {
    folders.push(entry);
    return undefined;
  }
  closeSync(entry);
  const target = readlinkSync(below(current, name));
  if (target.startsWith('/')) throw leadsOut(subPath);
  return target;
}

function leadsOut(subPath: string): RuntimeError {
  return new RuntimeError('invalid-argument', `subPath ${subPath} leads out of its volume`);
}

function openOrMake(folder: number, name: string): number {
  const open = (): number => openSync(below(folder, name), O_PATH | O_NOFOLLOW);
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(below(folder, name), { mode: FOLDER_MODE });
    return open();
  }
}

export interface BoundMounts {
  /** In the order asked for, with plain host paths. */
  mounts: Mount[];
  /** Once the container has been started, or never will be. */
  release(): Promise<void>;
}

/** `folder` is for this container alone. */
export async function bindSubPaths(mounts: readonly Mount[], folder: string): Promise<BoundMounts> {
  const release = async (): Promise<void> => {
    await linuxMounter.unmountBelow(folder);
    await rm(folder, { recursive: true, force: true });
  };
  if (mounts.every(({ subPath }) => subPath === undefined)) {
    return { mounts: [...mounts], release: () => Promise.resolve() };
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const bound: Mount[] = [];
    for (const [index, mount] of mounts.entries()) bound.push(await bindOne(mount, join(folder, String(index))));
    return { mounts: bound, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function bindOne(mount: Mount, target: string): Promise<Mount> {
  const { subPath, hostPath, ...rest } = mount;
  if (subPath === undefined) return mount;
  const source = openBelow(hostPath, subPath);
  try {
    if (fstatSync(source).isDirectory()) mkdirSync(target, { mode: 0o700 });
    else writeFileSync(target, '', { mode: 0o600 });
    // By descriptor and as it is: a name would be resolved once more.
    await run('mount', ['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${source}`, target]);
  } catch (error) {
    rmSync(target, { recursive: true, force: true });
    throw new RuntimeError('unknown', `cannot mount subPath ${subPath}: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(source);
  }
  return { ...rest, hostPath: target };
}
