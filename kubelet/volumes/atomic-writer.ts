/**
 * Writes a set of files so that readers see the old set or the new one, never a mixture (upstream
 * `pkg/volume/util/atomic_writer.go`): the files lie in a folder `..<time>`, `..data` points to it, and every name that
 * users see is a link through `..data`. The folder is the kubelet's own: containers have it read-only. The calls block:
 * for files this small a thread costs more than the file (docs/decisions/0009).
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
export function writeAtomically(folder: string, payload: Payload, options: WriteOptions): boolean {
  for (const path of payload.keys()) checkPath(path);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const old = currentFolder(folder);
  if (old !== undefined && isSame(join(folder, old), payload)) {
    linkNames(folder, payload);
    return false;
  }
  const stamp = new Date(options.nowMs).toISOString().replace(/[-T:]/g, '_').replace('Z', '');
  const fresh = mkdtempSync(join(folder, `..${stamp}.`));
  chmodSync(fresh, 0o755);
  fill(fresh, payload, options);
  const freshName = fresh.slice(fresh.lastIndexOf('/') + 1);
  rmSync(join(folder, NEW_DATA_LINK), { force: true });
  symlinkSync(freshName, join(folder, NEW_DATA_LINK));
  renameSync(join(folder, NEW_DATA_LINK), join(folder, DATA_LINK));
  linkNames(folder, payload);
  removeStale(folder, payload, freshName);
  return true;
}

function checkPath(path: string): void {
  const parts = path.split('/');
  const isBad = path === '' || path.length > MAX_PATH_LENGTH || path.startsWith('/') || path.includes('\0');
  if (isBad || parts.includes('..') || parts.includes('.') || parts.includes('') || path.startsWith('..')) {
    throw new Error(`invalid path for a file in a volume: ${JSON.stringify(path)}`);
  }
}

function currentFolder(folder: string): string | undefined {
  try {
    const target = readlinkSync(join(folder, DATA_LINK));
    return target.startsWith('..') && !target.includes('/') ? target : undefined;
  } catch {
    return undefined;
  }
}

function isSame(current: string, payload: Payload): boolean {
  const present = listFiles(current, '');
  if (present === undefined || present.length !== payload.size) return false;
  for (const path of present) {
    const wanted = payload.get(path);
    if (wanted === undefined || !wanted.data.equals(readFileSync(join(current, path)))) return false;
  }
  return true;
}

function listFiles(root: string, below: string): string[] | undefined {
  try {
    const files: string[] = [];
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) files.push(...(listFiles(root, path) ?? []));
      else files.push(path);
    }
    return files;
  } catch {
    return undefined;
  }
}

function fill(root: string, payload: Payload, { group }: WriteOptions): void {
  const folders = new Set<string>([root]);
  for (const [path, { data, mode }] of payload) {
    const target = join(root, path);
    for (let parent = dirname(target); !folders.has(parent); parent = dirname(parent)) folders.add(parent);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, data, { mode: 0o600 });
    // After writing: the umask does not count for what the user asked for.
    chmodSync(target, group === undefined ? mode : mode | 0o440);
    give(target, group);
  }
  if (group === undefined) return;
  for (const folder of folders) {
    give(folder, group);
    chmodSync(folder, 0o2755);
  }
}

function give(path: string, group: number | undefined): void {
  if (group === undefined || process.getuid?.() !== 0) return;
  chownSync(path, 0, group);
}

/** The first parts of all paths, as links through `..data`. */
function linkNames(folder: string, payload: Payload): void {
  for (const name of topNames(payload)) {
    const link = join(folder, name);
    const target = `${DATA_LINK}/${name}`;
    const present = lstatSync(link, { throwIfNoEntry: false });
    if (present?.isSymbolicLink() && readlinkSync(link) === target) continue;
    rmSync(link, { recursive: true, force: true });
    symlinkSync(target, link);
  }
}

function removeStale(folder: string, payload: Payload, freshName: string): void {
  const keep = new Set([...topNames(payload), DATA_LINK, freshName]);
  for (const name of readdirSync(folder)) {
    if (!keep.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function topNames(payload: Payload): Set<string> {
  return new Set([...payload.keys()].map((path) => path.split('/')[0]!));
}
