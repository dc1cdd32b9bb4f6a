/**
 * Sub-paths of volumes, whose content containers choose: each is resolved below its volume through open descriptors, so
 * that no link leads out and none can be changed in between (upstream `k8s.io/mount-utils`, `subpath_linux.go`).
 */
import { chmodSync, closeSync, fstatSync, mkdirSync, openSync, readlinkSync } from 'node:fs';
import { RuntimeError } from '../runtime.ts';

/** Linux's; Node does not name it. */
const O_PATH = 0o10000000;
const O_NOFOLLOW = 0o400000;
const MAX_LINKS = 40;
/** Path of an entry below an open folder, whatever its own path has become. */
const below = (folder: number, name: string): string => `/proc/self/fd/${folder}/${name}`;

/**
 * Makes the folders that `subPath` names below `root` and that are missing, as open to users and groups as the volume
 * itself (`SafeMakeDir`). Throws `RuntimeError` for a way that leads out.
 */
export function makeBelow(root: string, subPath: string): void {
  closeSync(openBelow(root, subPath));
}

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
  const entry = openOrMake(current, name, fstatSync(folders[0]!).mode & 0o7777);
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

function openOrMake(folder: number, name: string, mode: number): number {
  const open = (): number => openSync(below(folder, name), O_PATH | O_NOFOLLOW);
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(below(folder, name), { mode: 0o700 });
    const made = open();
    // Past the umask, and only what was opened: the name may mean something else by now.
    if (fstatSync(made).isDirectory()) chmodSync(`/proc/self/fd/${made}`, mode);
    return made;
  }
}
