/** Keeps container logs small (upstream `pkg/kubelet/logs/container_log_manager.go`): 10 MiB, five files. */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import type { RuntimeService } from '../runtime.ts';

export interface LogRotationOptions {
  cache: RuntimeCache;
  runtime: RuntimeService;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

export interface LogLimits {
  maxBytes: number;
  /** The current one included. */
  maxFiles: number;
}

const LIMITS: LogLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };
const PERIOD_MS = 10_000;

/** Until the signal aborts. */
export function startLogRotation(options: LogRotationOptions): void {
  void loop(options);
}

async function loop({ cache, runtime, clock, log, signal }: LogRotationOptions): Promise<void> {
  while (!signal.aborted) {
    await sleep(clock, PERIOD_MS, signal);
    const containers = signal.aborted ? [] : cache.uids().flatMap((uid) => cache.get(uid).containers);
    for (const { id, logPath } of containers.filter(({ state }) => state === 'running')) {
      const how = { reopen: () => runtime.reopenContainerLog(id), nowMs: clock.now() };
      await rotateLog(logPath, LIMITS, how).catch((error: unknown) => {
        log.warn('cannot rotate a container log', { container: id, error: String(error) });
      });
    }
  }
}

/** Returns whether it rotated. When the runtime does not open a new file, the old one is put back. */
export async function rotateLog(
  path: string,
  limits: LogLimits,
  { reopen, nowMs }: { reopen(): Promise<void>; nowMs: number },
): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || stats.size < limits.maxBytes) return false;
  const stamp = new Date(nowMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const rotated = `${path}.${stamp}`;
  await rename(path, rotated);
  try {
    await reopen();
  } catch (error) {
    await rename(rotated, path);
    throw error;
  }
  const old = await rotatedLogs(path);
  for (const name of old.slice(0, Math.max(0, old.length - (limits.maxFiles - 1)))) await rm(name, { force: true });
  return true;
}

/** Oldest first. */
export async function rotatedLogs(path: string): Promise<string[]> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  const names = await readdir(folder).catch(() => [] as string[]);
  return names
    .filter((name) => name.startsWith(prefix))
    .sort()
    .map((name) => join(folder, name));
}
