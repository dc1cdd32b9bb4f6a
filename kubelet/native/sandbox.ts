/**
 * One pod's sandbox on this host: its records on disk, its monitor, and its containers' states.
 *
 *   <sandboxes>/<id>/  sandbox.json  monitor.sock
 *                      c/<container>/{container.json, start.json, result.json, upper, work}
 *
 * **Invariant:** what `containers()` tells is what the monitor told last, or, once it has gone, what was written down.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerConfig, ContainerInfo, PodSandboxConfig } from '../runtime.ts';
import { MonitorClient } from './monitor-client.ts';

export interface SandboxRecord {
  id: string;
  config: PodSandboxConfig;
  createdAtMs: number;
  ip: string;
  hostInterface: string;
}

export interface ContainerRecord {
  id: string;
  config: ContainerConfig;
  createdAtMs: number;
  imageRef: string;
  stopSignal: string;
}

/** How a container ended, or never began. */
export interface ContainerResult {
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  signal: number;
  reason: string;
  message: string;
}

/** How a container ended that was lost with its monitor. */
export type LostEnd = Pick<ContainerResult, 'exitCode' | 'signal' | 'reason'>;

/** A container as the monitor's `status` tells it. */
export interface MonitorContainer {
  id: string;
  state: 'Starting' | 'Running' | 'Exited';
  startedAt?: string;
  finishedAt?: string;
  exitCode?: number;
  signal?: number;
  reason?: string;
}

interface Container {
  record: ContainerRecord;
  /** When its monitor was asked to start it; 0: never. */
  askedAtMs: number;
  startedAtMs: number;
  result: ContainerResult | undefined;
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

const timeMs = (text: string | undefined): number => (text === undefined ? 0 : Date.parse(text) || 0);

export class Sandbox {
  readonly folder: string;
  readonly record: SandboxRecord;
  readonly monitor: MonitorClient;
  readonly #containers = new Map<string, Container>();
  /** The monitor answers and its pause runs. */
  ready = false;
  /** Its address is not free for others. */
  holdsAddress = false;
  /** Nothing of it is on the host but its folder. */
  isOver = false;
  /** What takes it off the host, while that is under way. */
  ending: Promise<void> | undefined;

  constructor(folder: string, record: SandboxRecord) {
    this.folder = folder;
    this.record = record;
    this.monitor = new MonitorClient(join(folder, 'monitor.sock'));
  }

  static create(folder: string, record: SandboxRecord): Sandbox {
    mkdirSync(join(folder, 'c'), { recursive: true, mode: 0o700 });
    writeJson(join(folder, 'sandbox.json'), record);
    return new Sandbox(folder, record);
  }

  /** Undefined for a folder whose creation was cut off. */
  static load(folder: string): Sandbox | undefined {
    const record = readJson<SandboxRecord>(join(folder, 'sandbox.json'));
    if (record === undefined) return undefined;
    const sandbox = new Sandbox(folder, record);
    for (const name of existsSync(join(folder, 'c')) ? readdirSync(join(folder, 'c')) : []) {
      const container = readJson<ContainerRecord>(join(folder, 'c', name, 'container.json'));
      if (container === undefined) continue;
      const result = readJson<ContainerResult>(join(folder, 'c', name, 'result.json'));
      const { askedAtMs = 0 } = readJson<{ askedAtMs?: number }>(join(folder, 'c', name, 'start.json')) ?? {};
      const startedAtMs = result?.startedAtMs ?? 0;
      sandbox.#containers.set(container.id, { record: container, askedAtMs, startedAtMs, result });
    }
    return sandbox;
  }

  containerFolder(id: string): string {
    return join(this.folder, 'c', id);
  }

  addContainer(record: ContainerRecord): void {
    const folder = this.containerFolder(record.id);
    mkdirSync(join(folder, 'upper'), { recursive: true, mode: 0o755 });
    mkdirSync(join(folder, 'work'), { mode: 0o700 });
    writeJson(join(folder, 'container.json'), record);
    this.#containers.set(record.id, { record, askedAtMs: 0, startedAtMs: 0, result: undefined });
  }

  container(id: string): ContainerRecord | undefined {
    return this.#containers.get(id)?.record;
  }

  isRunning(id: string): boolean {
    const container = this.#containers.get(id);
    return container !== undefined && container.startedAtMs > 0 && container.result === undefined;
  }

  forgetContainer(id: string): void {
    this.#containers.delete(id);
  }

  containerIds(): string[] {
    return [...this.#containers.keys()];
  }

  /**
   * To be called before the monitor is asked to start a container: whatever happens from then on, it may have run, and
   * one that must not run twice will not.
   */
  starting(id: string, askedAtMs: number): void {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    writeJson(join(this.containerFolder(id), 'start.json'), { askedAtMs });
    container.askedAtMs = askedAtMs;
  }

  started(id: string, startedAtMs: number): void {
    const container = this.#containers.get(id);
    if (container !== undefined) container.startedAtMs = startedAtMs;
  }

  /** Keeps how a container ended; the first word counts. */
  ended(id: string, result: ContainerResult): void {
    const container = this.#containers.get(id);
    if (container === undefined || container.result !== undefined) return;
    container.result = result;
    container.startedAtMs = result.startedAtMs;
    writeJson(join(this.containerFolder(id), 'result.json'), result);
  }

  /** Takes over what the monitor tells of a container. */
  observe(told: MonitorContainer): void {
    if (told.state === 'Exited') {
      const exitCode = told.exitCode ?? 0;
      this.ended(told.id, {
        startedAtMs: timeMs(told.startedAt),
        finishedAtMs: timeMs(told.finishedAt),
        exitCode,
        signal: told.signal ?? 0,
        reason: told.reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
        message: '',
      });
    } else if (told.state === 'Running') {
      this.started(told.id, timeMs(told.startedAt));
    }
  }

  /** The monitor has gone: whatever ran has been killed with it. Returns the containers that have ended now. */
  lost(nowMs: number, end: LostEnd): string[] {
    this.ready = false;
    const ended: string[] = [];
    for (const [id, { askedAtMs, startedAtMs, result }] of this.#containers) {
      if (askedAtMs === 0 || result !== undefined) continue;
      this.ended(id, { ...end, startedAtMs: startedAtMs || askedAtMs, finishedAtMs: nowMs, message: '' });
      ended.push(id);
    }
    return ended;
  }

  infoOf(id: string): ContainerInfo | undefined {
    const container = this.#containers.get(id);
    if (container === undefined) return undefined;
    const { record, startedAtMs, result } = container;
    const { config } = record;
    return {
      id,
      podSandboxId: this.record.id,
      metadata: config.metadata,
      state: result !== undefined ? 'exited' : startedAtMs > 0 ? 'running' : 'created',
      userSpecifiedImage: config.userSpecifiedImage,
      imageId: config.imageId,
      imageRef: record.imageRef,
      createdAtMs: record.createdAtMs,
      startedAtMs,
      finishedAtMs: result?.finishedAtMs ?? 0,
      exitCode: result?.exitCode ?? 0,
      signal: result?.signal ?? 0,
      reason: result?.reason ?? '',
      message: result?.message ?? '',
      labels: config.labels,
      annotations: config.annotations,
      logPath: join(this.record.config.logDirectory, config.logPath),
    };
  }
}
