/** `nocher down`: stops the cluster of a data folder, and removes what it left on the machine. */
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UpFlags } from './config.ts';
import { defaultDataDir, UsageError } from './config.ts';
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
  if (running !== undefined) {
    process.kill(running.pid, 'SIGTERM');
    const deadlineMs = Date.now() + STOP_TIMEOUT_MS;
    while (folder.running()?.pid === running.pid && Date.now() < deadlineMs) await sleep(20);
    if (folder.running()?.pid === running.pid) process.kill(running.pid, 'SIGKILL');
  }
  if (folder.isUsed()) await cleanUpHost(folder);
  if (flags['purge'] === true) {
    rmSync(folder.path, { recursive: true, force: true });
    if (folder.path === defaultDataDir()) await removeContext();
  }
  process.stdout.write(running === undefined ? `no cluster is running on ${folder.path}\n` : 'stopped\n');
}
