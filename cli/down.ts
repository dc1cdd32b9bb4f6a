/** `nocher down`: stops the cluster of a data folder, and removes what it left on the machine. */
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UpFlags } from './config.ts';
import { defaultDataDir, UsageError } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { openDataFolder } from './data-folder.ts';
import { cleanUpHost } from './host-clean-up.ts';
import { removeContext } from './kubeconfig.ts';

const STOP_TIMEOUT_MS = 60_000;

export async function down(flags: UpFlags): Promise<void> {
  const folder = openDataFolder(flags['dataDir'] as string);
  const running = folder.running();
  if (flags['purge'] === true && existsSync(folder.path) && !folder.isUsed()) {
    throw new UsageError(`${folder.path} holds no cluster: nothing was deleted`);
  }
  if (running !== undefined) await stopProcess(folder, running.pid);
  if (folder.isUsed()) await cleanUpHost(folder);
  const wasDeleted = flags['purge'] === true && existsSync(folder.path);
  if (flags['purge'] === true) {
    rmSync(folder.path, { recursive: true, force: true });
    if (folder.path === defaultDataDir()) await removeContext();
  }
  const stopped = running === undefined ? `no cluster was running on ${folder.path}` : 'stopped';
  process.stdout.write(`${stopped}${wasDeleted ? '; its data is deleted' : ''}\n`);
}

async function stopProcess(folder: DataFolder, pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const deadlineMs = Date.now() + STOP_TIMEOUT_MS;
  while (folder.running()?.pid === pid && Date.now() < deadlineMs) await sleep(20);
  if (folder.running()?.pid === pid) process.kill(pid, 'SIGKILL');
}
