/**
 * Writes a set of files so that readers see the old set or the new one, never a mixture (upstream
 * `pkg/volume/util/atomic_writer.go`): the files lie in a folder `..<time>`, `..data` points to it, and every name that
 * users see is a link through `..data`. The folder is the kubelet's own: containers have it read-only.
 */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface PayloadFile {
  data: Buffer;
  mode: number;
}

/** By relative path. */
export type Payload = ReadonlyMap<string, PayloadFile>;

export interface WriteOptions {
  /** Group of everything, from `fsGroup`. */
  group?: number | undefined;
  /** Time for the name of the new folder. */
  nowMs: number;
}

const DATA_LINK = '..data';
const NEW_DATA_LINK = '..data_tmp';
const MAX_PATH_LENGTH = 4096;

/** Returns whether anything changed. Throws for a path that would leave the folder. */
export async function writeAtomically(folder: string, payload: Payload, options: WriteOptions): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const old = await currentFolder(folder);
  if (old !== undefined && (await isSame(join(folder, old), payload))) {
    await linkNames(folder, payload);
    return false;
  }
  const stamp = new Date(options.nowMs).toISOString().replace(/[-T:]/g, '_').replace('Z', '');
  const fresh = await mkdtemp(join(folder, `..${stamp}.`));
  await chmod(fresh, 0o755);
  await fill(fresh, payload, options);
  const freshName = fresh.slice(fresh.lastIndexOf('/') + 1);
  await rm(join(folder, NEW_DATA_LINK), { force: true });
  await symlink(freshName, join(folder, NEW_DATA_LINK));
  await rename(join(folder, NEW_DATA_LINK), join(folder, DATA_LINK));
  await linkNames(folder, payload);
  await removeStale(folder, payload, freshName);
  return true;
}

function checkPath(path: string): void {
  const parts = path.split('/');
  const isBad = path === '' || path.length > MAX_PATH_LENGTH || path.startsWith('/') || path.includes('\0');
  if (isBad || parts.includes('..') || parts.includes('.') || parts.includes('') || path.startsWith('..')) {
    throw new Error(`invalid path for a file in a volume: ${JSON.stringify(path)}`);
  }
}

async function currentFolder(folder: string): Promise<string | undefined> {
  try {
    const target = await readlink(join(folder, DATA_LINK));
    return target.startsWith('..') && !target.includes('/') ? target : undefined;
  } catch {
    return undefined;
  }
}

async function isSame(current: string, payload: Payload): Promise<boolean> {
  const present = await listFiles(current, '');
  if (present === undefined || present.length !== payload.size) return false;
  for (const path of present) {
    const wanted = payload.get(path);
    if (wanted === undefined || !wanted.data.equals(await readFile(join(current, path)))) return false;
  }
  return true;
}

async function listFiles(root: string, below: string): Promise<string[] | undefined> {
  try {
    const files: string[] = [];
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) files.push(...((await listFiles(root, path)) ?? []));
      else files.push(path);
    }
    return files;
  } catch {
    return undefined;
  }
}

async function fill(root: string, payload: Payload, { group }: WriteOptions): Promise<void> {
  const folders = new Set<string>([root]);
  for (const [path, { data, mode }] of payload) {
    const target = join(root, path);
    for (let parent = dirname(target); !folders.has(parent); parent = dirname(parent)) folders.add(parent);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, data, { mode: 0o600 });
    // After writing: the umask does not count for what the user asked for.
    await chmod(target, group === undefined ? mode : mode | 0o440);
    await give(target, group);
  }
  if (group === undefined) return;
  for (const folder of folders) {
    await give(folder, group);
    await chmod(folder, 0o2755);
  }
}

async function give(path: string, group: number | undefined): Promise<void> {
  if (group === undefined || process.getuid?.() !== 0) return;
  await chown(path, 0, group);
}

/** The first parts of all paths, as links through `..data`. */
async function linkNames(folder: string, payload: Payload): Promise<void> {
  for (const name of topNames(payload)) {
    const link = join(folder, name);
    const target = `${DATA_LINK}/${name}`;
    const present = await lstat(link).catch(() => undefined);
    if (present?.isSymbolicLink() && (await readlink(link)) === target) continue;
    await rm(link, { recursive: true, force: true });
    await symlink(target, link);
  }
}

async function removeStale(folder: string, payload: Payload, freshName: string): Promise<void> {
  const keep = new Set([...topNames(payload), DATA_LINK, freshName]);
  for (const name of await readdir(folder)) {
    if (!keep.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function topNames(payload: Payload): Set<string> {
  return new Set([...payload.keys()].map((path) => path.split('/')[0]!));
}
