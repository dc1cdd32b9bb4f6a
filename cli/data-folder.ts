/**
 * The data folder: where everything of one cluster lives, which process runs it, and the ports and ranges that it took.
 *
 *   pki/  db/  images/  pods/  log/  run/  admin.kubeconfig  settings.json
 */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import type { EtcdConfig } from './config.ts';
import { UsageError } from './config.ts';

/** Taken on the first start and kept, so that a cluster's addresses do not change. */
export interface Settings {
  apiPort?: number;
  kubeletPort?: number;
  podCidr?: string;
  serviceCidr?: string;
  nodeName?: string;
  bindAddress?: string;
  /** Where the cluster is stored, when that is not in the folder. */
  etcd?: EtcdConfig;
}

/** Of a cluster that runs. */
export type ChosenSettings = Required<Omit<Settings, 'etcd'>> & Pick<Settings, 'etcd'>;

export interface RunningProcess {
  pid: number;
  /** Field 22 of /proc/PID/stat: tells a process from a later one with the same pid. */
  startTime: string;
}

export interface DataFolder {
  path: string;
  /** Eight hex digits of the path: names bridges, tables, cgroups and sockets. */
  id: string;
  file(...names: string[]): string;
  settings(): Settings;
  saveSettings(settings: Settings): void;
  /** The process that runs this cluster now. */
  running(): RunningProcess | undefined;
  /** Throws when another process runs it. */
  claim(): void;
  release(): void;
  /** Whether a cluster was ever started here: then the folder is ours, and may be deleted. */
  isUsed(): boolean;
  /** Makes the folder and its parts. Throws a `UsageError` where that is not possible. */
  prepare(): void;
  /** Tells whoever waits for the start of this process that it is done. */
  markReady(): void;
  isReady(pid: number): boolean;
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A process that has ended and was not waited for yet runs nothing.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

function writeAtomically(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

const MAX_CLAIM_TRIES = 5;

/** Whole, and only where there is none: of two that try at the same time, one does. */
function createOnce(path: string, text: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, text, { mode: 0o600 });
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Takes away what a process that is gone has left; what another has just put in its place goes back. */
function removeStale(path: string, own: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const found = readJson<RunningProcess>(aside);
  if (found !== undefined && startTimeOf(found.pid) === found.startTime && readFileSync(aside, 'utf8') !== own)
    createOnce(path, JSON.stringify(found));
  rmSync(aside, { force: true });
}

/** Step by step: Node's own recursion does not end where a file system refuses new folders with ENOENT, as /proc does. */
function makeFolder(path: string, mode: number): void {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.push(folder);
  for (const folder of missing.reverse()) mkdirSync(folder, { mode });
  if (missing.length === 0 && !statSync(path).isDirectory()) throw new Error(`${path} is not a folder`);
}

export class AlreadyRunningError extends UsageError {}

export function openDataFolder(path: string): DataFolder {
  const file = (...names: string[]): string => join(path, ...names);
  const running = (): RunningProcess | undefined => {
    const found = readJson<RunningProcess>(file('run', 'nocher.json'));
    return found !== undefined && startTimeOf(found.pid) === found.startTime ? found : undefined;
  };
  const prepare = (): void => {
    try {
      makeFolder(path, 0o711);
      makeFolder(file('run'), 0o700);
      makeFolder(file('log'), 0o700);
    } catch (error) {
      throw new UsageError(
        `the data folder ${path} cannot be made: ${(error as Error).message}; choose another with --data-dir`,
      );
    }
  };
  return {
    path,
    id: createHash('sha256').update(path).digest('hex').slice(0, 8),
    file,
    settings: () => readJson<Settings>(file('settings.json')) ?? {},
    saveSettings: (settings) => writeAtomically(file('settings.json'), `${JSON.stringify(settings, null, 2)}\n`),
    running,
    claim() {
      prepare();
      const own = JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) });
      for (let tries = 0; tries < MAX_CLAIM_TRIES; tries++) {
        if (createOnce(file('run', 'nocher.json'), own)) return;
        const other = running();
        if (other?.pid === process.pid) return;
        if (other !== undefined) {
          throw new AlreadyRunningError(
            `a cluster is already running on ${path} (pid ${other.pid}); stop it with: nocher down --data-dir ${path}; ` +
              'several servers of one cluster need etcd: nocher storage migrate --to etcd',
          );
        }
        removeStale(file('run', 'nocher.json'), own);
      }
      throw new AlreadyRunningError(`another cluster is being started on ${path}`);
    },
    isUsed: () => existsSync(file('settings.json')) || existsSync(file('log', 'nocher.log')),
    prepare,
    release() {
      rmSync(file('run', 'nocher.json'), { force: true });
      rmSync(file('run', 'ready.json'), { force: true });
    },
    markReady: () => writeAtomically(file('run', 'ready.json'), JSON.stringify({ pid: process.pid })),
    isReady: (pid) => readJson<{ pid: number }>(file('run', 'ready.json'))?.pid === pid,
  };
}
