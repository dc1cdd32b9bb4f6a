/**
 * Walks through folders that containers can write to. Every step goes from an open folder to a name in it, never along
 * a path, and links are never followed: whatever is renamed or linked meanwhile, nothing outside is touched.
 */
import { constants } from 'node:fs';
import { chmod, chown, lchown, lstat, open, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Linux's; Node does not name it. */
const O_PATH = 0o10000000;
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A name below an open folder, as a path that the kernel resolves from there. */
const below = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;

/** Folders that are open at the same time, one in the other, at most. */
const MAX_DEPTH = 64;

/** Removes the folder and all that is in it; what is gone already is fine. `path`'s own parents are trusted. */
export async function removeTree(path: string): Promise<void> {
  const parent = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY).catch(ifThere);
  if (parent === undefined) return;
  try {
    const removal: Removal = { top: parent, name: basename(path), moved: 0 };
    await removeBelow(parent, removal.name, { removal, depth: 0 });
    // Those that lay too deep.
    for (let i = 0; i < removal.moved; i++) await removeBelow(parent, movedName(removal, i), { removal, depth: 0 });
  } finally {
    await parent.close();
  }
}

interface Removal {
  top: FileHandle;
  name: string;
  /** Folders that lay too deep to be reached without holding too many open, and lie beside the first one now. */
  moved: number;
}

const movedName = ({ name }: Removal, index: number): string => `.${name}.${index}`;

async function removeBelow(
  parent: FileHandle,
  name: string,
  { removal, depth }: { removal: Removal; depth: number },
): Promise<void> {
  const path = below(parent, name);
  const stats = await lstat(path).catch(ifThere);
  if (stats === undefined) return;
  if (!stats.isDirectory()) {
    await unlink(path).catch(ifThere);
    return;
  }
  if (depth >= MAX_DEPTH) {
    await rename(path, below(removal.top, movedName(removal, removal.moved))).catch(ifThere);
    removal.moved++;
    return;
  }
  const folder = await open(path, FOLDER).catch(ifThere);
  if (folder === undefined) return;
  try {
    for (const child of await readdir(`/proc/self/fd/${folder.fd}`))
      await removeBelow(folder, child, { removal, depth: depth + 1 });
  } finally {
    await folder.close();
  }
  await rmdir(path).catch(ifThere);
}

/**
 * Gives everything to the group, which may read and write it; folders hand the group on to what is made in them
 * (`pkg/volume/volume_linux.go SetVolumeOwnership`). Throws for folders that lie too deep in each other.
 */
export async function giveTreeToGroup(path: string, group: number): Promise<void> {
  const folder = await open(path, FOLDER);
  try {
    await giveFolder(folder, { group, depth: 0 });
  } finally {
    await folder.close();
  }
}

interface Given {
  group: number;
  depth: number;
}

async function giveFolder(folder: FileHandle, { group, depth }: Given): Promise<void> {
  if (depth > MAX_DEPTH) throw new Error('folders lie too deep in each other');
  const inside = { group, depth: depth + 1 };
  for (const name of await readdir(`/proc/self/fd/${folder.fd}`)) await giveBelow(folder, name, inside);
  // Last, so that a folder which has it is done: upstream's `OnRootMismatch` goes by the root.
  const { mode, uid } = await folder.stat();
  await folder.chown(uid, group);
  await folder.chmod((mode & 0o7777) | 0o2770);
}

async function giveBelow(folder: FileHandle, name: string, given: Given): Promise<void> {
  const { group } = given;
  const path = below(folder, name);
  const stats = await lstat(path).catch(ifThere);
  if (stats === undefined) return;
  if (stats.isSymbolicLink()) {
    await lchown(path, stats.uid, group).catch(ifThere);
    return;
  }
  // A handle that cannot read or write: opening a pipe or a device has no effect.
  const flags = stats.isDirectory() ? FOLDER : O_PATH | constants.O_NOFOLLOW;
  const child = await open(path, flags).catch(ifThere);
  if (child === undefined) return;
  try {
    const now = await child.stat();
    if (stats.isDirectory()) await giveFolder(child, given);
    else if (!now.isSymbolicLink()) await giveFile(child, { uid: now.uid, mode: now.mode, group });
  } finally {
    await child.close();
  }
}

async function giveFile(
  file: FileHandle,
  { uid, mode, group }: { uid: number; mode: number; group: number },
): Promise<void> {
  // Through the handle's own entry, since such a handle takes no changes itself. It leads to the file, not to a name.
  const path = `/proc/self/fd/${file.fd}`;
  await chown(path, uid, group);
  await chmod(path, (mode & 0o7777) | 0o660);
}

/** What went meanwhile is no problem; what became a link or something else is left alone. */
function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ELOOP' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
