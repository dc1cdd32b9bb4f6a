/** Keeps container logs small (upstream `pkg/kubelet/logs/container_log_manager.go`): 10 MiB, five files. */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import type { ContainerInfo, RuntimeService } from '../runtime.ts';

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
/** Upstream looks every ten seconds: one container may write some gigabytes until then. */
const PERIOD_MS = 1_000;
/** Who has just filled a file may soon have filled the next. */
const FLOOD_PERIOD_MS = 200;

/** Until the signal aborts. */
export function startLogRotation(options: LogRotationOptions): void {
  void loop(options);
}

async function loop(options: LogRotationOptions): Promise<void> {
  const { cache, clock, signal } = options;
  let hasRotated = false;
  while (!signal.aborted) {
    await sleep(clock, hasRotated ? FLOOD_PERIOD_MS : PERIOD_MS, signal);
    const containers = signal.aborted ? [] : cache.uids().flatMap((uid) => cache.get(uid).containers);
    hasRotated = false;
    for (const info of containers.filter(({ state }) => state === 'running'))
      if (await rotateLogOf(info, options)) hasRotated = true;
  }
}

async function rotateLogOf({ id, logPath }: ContainerInfo, options: LogRotationOptions): Promise<boolean> {
  const { runtime, clock, log } = options;
  try {
    return await rotateLog(logPath, LIMITS, { reopen: () => runtime.reopenContainerLog(id), nowMs: clock.now() });
  } catch (error) {
    log.warn('cannot rotate a container log', { container: id, error: String(error) });
    return false;
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
  // To the millisecond: a flood fills more than one file in a second.
  const stamp = new Date(nowMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 19);
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
