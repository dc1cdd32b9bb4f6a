/** `nocher up -d`: the same start in a process of its own, watched until it is ready or has failed. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from './config.ts';
import type { DataFolder } from './data-folder.ts';

const TIMEOUT_MS = 120_000;

/** The exit code: 0 once the cluster is ready, else 1 after its last words. */
export async function detach(folder: DataFolder): Promise<number> {
  const other = folder.running();
  if (other !== undefined)
    throw new UsageError(
      `a cluster is already running on ${folder.path} (pid ${other.pid}); stop it with: nocher down --data-dir ${folder.path}`,
    );
  folder.prepare();
  const output = folder.file('log', 'up.log');
  const descriptor = openSync(output, 'w', 0o600);
  const args = process.argv.slice(1).filter((argument) => argument !== '-d' && argument !== '--detach');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  });
  closeSync(descriptor);
  let exited = false;
  child.on('exit', () => {
    exited = true;
  });
  const deadlineMs = Date.now() + TIMEOUT_MS;
  while (!exited && !folder.isReady(child.pid!) && Date.now() < deadlineMs) await sleep(20);
  process.stderr.write(readFileSync(output, 'utf8'));
  child.unref();
  return !exited && folder.isReady(child.pid!) ? 0 : 1;
}
