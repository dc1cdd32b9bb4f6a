/**
 * The user's `~/.kube/config` as a file. Under sudo we are root in a folder that somebody else controls: nothing there
 * is reached through a link, and what we write belongs to the user.
 */
import { randomUUID } from 'node:crypto';
import { constants, readFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeconfigError } from './kubeconfig-context.ts';
import type { FileOwner } from './private-files.ts';

/** Whose kubeconfig it is. `owner` is there only under sudo. */
export interface KubeconfigUser {
  home: string | undefined;
  owner: FileOwner | undefined;
}

/** What came of a change in the user's file; a reason when the file was left as it is. */
export type KubeconfigChange = { changed: true } | { changed: false; reason: string };

interface Change {
  /** Makes `~/.kube` when there is none. */
  create: boolean;
  /** The file's next text: empty to remove it, `undefined` to leave it as it is. */
  edit(present: string | undefined): string | undefined;
}

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const MAX_BYTES = 4 * 1024 * 1024;
/** kubectl holds its lock for the time of one write. */
const LOCK_ATTEMPTS = 20;
const LOCK_RETRY_MS = 50;

/** The user who called sudo; `undefined` when nobody did. */
export function sudoOwner(): FileOwner | undefined {
  const uid = Number(process.env['SUDO_UID'] ?? '');
  const gid = Number(process.env['SUDO_GID'] ?? '');
  if (process.getuid?.() !== 0 || !Number.isInteger(uid) || !Number.isInteger(gid) || uid <= 0) return undefined;
  return { uid, gid };
}

/** `undefined` when the user who called sudo has no home that we know. */
export function userHome(owner: FileOwner | undefined): string | undefined {
  if (owner === undefined) return homedir();
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines.map((line) => line.split(':')).find((fields) => fields[2] === String(owner.uid))?.[5];
}

/** Holds the lock that kubectl takes, from the reading to the writing. */
export async function updateUserKubeconfig(user: KubeconfigUser, change: Change): Promise<KubeconfigChange> {
  if (user.home === undefined) return { changed: false, reason: 'the home folder is not known' };
  try {
    const file = await locate(user.home, user.owner, change.create);
    const folder = await openFolder(dirname(file), user.owner);
    try {
      return await changeInside({ folder, name: basename(file), owner: user.owner }, change.edit);
    } finally {
      await folder.close();
    }
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return { changed: false, reason };
  }
}

/** What is the file's own state, not a fault of ours, is told to the user. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof KubeconfigError) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EACCES: 'it may not be written',
    EPERM: 'it may not be written',
    EROFS: 'it is on a read-only file system',
    ENOTDIR: 'its folder is not a folder, or is a link',
    ELOOP: 'it is a link',
    EISDIR: 'it is a folder',
    ENOENT: 'there is none',
  };
  return reasons[code ?? ''];
}

/** Links are followed for the user's own process only. */
async function locate(home: string, owner: FileOwner | undefined, create: boolean): Promise<string> {
  const folder = join(home, '.kube');
  if (create) await ensureFolder(folder, owner);
  const file = join(folder, 'config');
  return owner === undefined ? realpath(file).catch(() => file) : file;
}

async function ensureFolder(folder: string, owner: FileOwner | undefined): Promise<void> {
  const created = await mkdir(folder, { mode: 0o700 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  if (!created || owner === undefined) return;
  const handle = await open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
}

async function openFolder(path: string, owner: FileOwner | undefined): Promise<FileHandle> {
  const handle = await open(path, O_RDONLY | O_DIRECTORY | (owner === undefined ? 0 : O_NOFOLLOW));
  if (owner !== undefined && (await handle.stat()).uid !== owner.uid) {
    await handle.close();
    throw new KubeconfigError('its folder belongs to somebody else');
  }
  return handle;
}

interface Place {
  folder: FileHandle;
  name: string;
  owner: FileOwner | undefined;
}

async function changeInside(place: Place, edit: Change['edit']): Promise<KubeconfigChange> {
  // Through the descriptor, so that a folder swapped meanwhile is not the one that is written.
  const path = `/proc/self/fd/${place.folder.fd}/${place.name}`;
  const lock = `${path}.lock`;
  await takeLock(lock);
  try {
    const next = edit(await readPlain(path, place.owner));
    if (next === undefined) return { changed: false, reason: 'there was nothing to change' };
    if (next === '') await rm(path, { force: true });
    else await replace(path, next, place.owner);
    return { changed: true };
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(path: string): Promise<void> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    try {
      await (await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)).close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await sleep(LOCK_RETRY_MS);
  }
  throw new KubeconfigError('it is locked (config.lock exists)');
}

async function readPlain(path: string, owner: FileOwner | undefined): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new KubeconfigError('it is not a plain file');
    if (owner !== undefined && stat.uid !== owner.uid) throw new KubeconfigError('it belongs to somebody else');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

async function replace(path: string, text: string, owner: FileOwner | undefined): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(text);
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.datasync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
