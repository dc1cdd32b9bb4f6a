/** Ends the processes that a cluster started on the host, also when nobody who knows them is left. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataFolder } from './data-folder.ts';

const MARK = 'NOCHER_CLUSTER';
const TIMEOUT_MS = 5_000;
const POLL_MS = 5;

/** From now on everything that this process starts is known as the cluster's. */
export function markProcesses({ id }: Pick<DataFolder, 'id'>): void {
  process.env[MARK] = id;
}

/**
 * Kills what bears the cluster's mark, but this process, and resolves when it has ended (at most 5 s). Monitors bear it
 * too: only for a cluster whose pods are to end.
 */
export async function endLeftProcesses(folder: Pick<DataFolder, 'id' | 'path'>): Promise<void> {
  const deadlineMs = Date.now() + TIMEOUT_MS;
  for (let left = marked(folder); left.length > 0 && Date.now() < deadlineMs; left = marked(folder)) {
    for (const pid of left) kill(pid);
    await sleep(POLL_MS);
  }
}

/** Whether an environment, as /proc shows it, is that of a process of this cluster. A compiler's has its own folder only. */
export function isMarked(environ: string, { id, path }: Pick<DataFolder, 'id' | 'path'>): boolean {
  return environ.split('\0').some((entry) => entry === `${MARK}=${id}` || entry.startsWith(`TMPDIR=${path}/`));
}

function marked(folder: Pick<DataFolder, 'id' | 'path'>): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);
  return pids.filter((pid) => {
    try {
      return isMarked(readFileSync(join('/proc', String(pid), 'environ'), 'utf8'), folder);
    } catch {
      // It has ended, and was perhaps not waited for yet.
      return false;
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
