/**
 * A lock file that names the process holding a folder. One left by a process that is gone is taken over: the owner is
 * known by its pid together with its start time and the boot, since pids are used again.
 */
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { StorageError } from './storage.ts';

/** Gives the function that releases the lock. Throws `locked` while another process, or this one, holds it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = `${folder}/lock`;
  const own = JSON.stringify(await describeProcess(process.pid));
  for (let attempt = 0; attempt < 10; attempt++) {
    if (await claim(path, own)) return () => release(path, own);
    const found = await readFile(path, 'utf8').catch(() => undefined);
    if (found !== undefined) await dropIfStale({ path, found, folder });
  }
  throw new StorageError('locked', `${folder}: the lock file changes hands too fast`);
}

interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat; undefined when there is no such process. */
  startTime: string | undefined;
  bootId: string;
}

async function describeProcess(pid: number): Promise<ProcessIdentity> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  // The command name, in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  const alive = fields.length > 19 && fields[0] !== 'Z' && fields[0] !== 'X';
  return { pid, startTime: alive ? fields[19] : undefined, bootId: bootId.trim() };
}

/** Creates the lock file with its content in one step; false when there is one. */
async function claim(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, content, { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

async function dropIfStale({ path, found, folder }: { path: string; found: string; folder: string }): Promise<void> {
  const holder = parse(found);
  if (holder !== undefined) {
    const now = await describeProcess(holder.pid);
    if (now.startTime !== undefined && now.startTime === holder.startTime && now.bootId === holder.bootId) {
      const holds = `${folder} is in use by process ${holder.pid}`;
      const message = `${holds}; the embedded store has one server, use etcd for more`;
      throw new StorageError('locked', message);
    }
  }
  const aside = `${path}.stale.${process.pid}`;
  await rename(path, aside).catch(() => undefined);
  // Another process may have taken over meanwhile: then what was moved is its lock, and goes back.
  const moved = await readFile(aside, 'utf8').catch(() => undefined);
  if (moved !== undefined && moved !== found) await link(aside, path).catch(() => undefined);
  await unlink(aside).catch(() => undefined);
}

/** Undefined for a file that a crash left half-written. */
function parse(content: string): ProcessIdentity | undefined {
  try {
    const holder = JSON.parse(content) as Partial<ProcessIdentity>;
    return typeof holder.pid === 'number'
      ? { startTime: undefined, bootId: '', ...holder, pid: holder.pid }
      : undefined;
  } catch {
    return undefined;
  }
}

async function release(path: string, own: string): Promise<void> {
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found === own) await unlink(path).catch(() => undefined);
}
