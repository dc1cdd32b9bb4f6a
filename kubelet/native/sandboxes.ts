/**
 * The sandboxes of this node: begins and ends them, finds those of an earlier run again, gives out their addresses, and
 * follows what their monitors tell until they have gone.
 */
import { setMaxListeners } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { PodSandbox, PodSandboxConfig, RuntimeEvent } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import { AddressPool } from './address-pool.ts';
import { EventHub } from './event-hub.ts';
import { hostNames } from './host-names.ts';
import { monitorConfig } from './monitor-config.ts';
import type { SandboxStarted } from './program.ts';
import type { LostEnd, MonitorContainer } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';
import { NativeSpawner } from './spawner.ts';

export interface SandboxesOptions {
  /** The `nocher-native` binary. */
  program: string;
  /** `<data folder>/sandboxes`. */
  folder: string;
  /** Eight hex digits that name this cluster's bridge, links and cgroups. */
  clusterId: string;
  /** The node's pod range. */
  podCidr: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

interface StatusAnswer {
  sandbox: { state: string };
  cursor: number;
  containers: MonitorContainer[];
}

const WATCH_RETRY_MS = 200;
/** With its monitor, before our eyes. */
const KILLED: LostEnd = { exitCode: 137, signal: 9, reason: 'Error' };
/** Found gone, as after a reboot: containerd tells the same of such a one. */
const UNKNOWN: LostEnd = { exitCode: 255, signal: 0, reason: 'Unknown' };
/** Of the monitor; a start is told here too, as the kubelet that asked for it may be gone. */
const CONTAINER_EVENTS: ReadonlyMap<string, RuntimeEvent['type']> = new Map([
  ['started', 'started'],
  ['exited', 'stopped'],
]);

export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #hub = new EventHub();
  readonly #pool: AddressPool;
  readonly #spawner: NativeSpawner;
  readonly #stop = new AbortController();

  constructor(options: SandboxesOptions) {
    this.#options = options;
    // Each sandbox's watch listens for it.
    setMaxListeners(0, this.#stop.signal);
    this.#pool = new AddressPool(options.podCidr);
    this.#spawner = new NativeSpawner(options.program);
  }

  /** To be called once, before anything else: makes the bridge and finds the pods of an earlier run. */
  async open(): Promise<void> {
    const { folder, clusterId } = this.#options;
    const { gateway, prefixLength } = this.#pool;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const address = `${gateway}/${prefixLength}`;
    await this.#spawner.run(['bridge', 'ensure', '--name', hostNames(clusterId).bridge, '--address', address]);
    await Promise.all(readdirSync(folder).map((name) => this.#recover(join(folder, name))));
  }

  /** Stops following the monitors; pods go on. */
  close(): void {
    this.#stop.abort();
    for (const sandbox of this.#sandboxes.values()) sandbox.monitor.close();
    this.#spawner.close();
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#hub.subscribe(signal);
  }

  publish(type: RuntimeEvent['type'], { record }: Sandbox, containerId: string): void {
    this.#hub.publish({ type, containerId, podSandboxId: record.id, podUid: record.config.metadata.uid });
  }

  all(): Sandbox[] {
    return [...this.#sandboxes.values()];
  }

  /** Throws `not-found`. */
  get(id: string): Sandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) throw new RuntimeError('not-found', `pod sandbox ${JSON.stringify(id)} not found`);
    return sandbox;
  }

  findOf(containerId: string): Sandbox | undefined {
    for (const sandbox of this.#sandboxes.values()) if (sandbox.container(containerId) !== undefined) return sandbox;
    return undefined;
  }

  /** The sandbox of a container. Throws `not-found`. */
  of(containerId: string): Sandbox {
    const sandbox = this.findOf(containerId);
    if (sandbox === undefined)
      throw new RuntimeError('not-found', `container ${JSON.stringify(containerId)} not found`);
    return sandbox;
  }

  list(): PodSandbox[] {
    return this.all().map(({ record, ready }) => ({
      id: record.id,
      metadata: record.config.metadata,
      state: ready ? 'ready' : 'notready',
      createdAtMs: record.createdAtMs,
      ips: record.ip === '' ? [] : [record.ip],
      labels: record.config.labels,
      annotations: record.config.annotations,
    }));
  }

  async run(config: PodSandboxConfig): Promise<string> {
    const { random, clock, folder, log } = this.#options;
    const id = Buffer.from(random.bytes(16)).toString('hex');
    const ip = config.linux.network === 'pod' ? this.#pool.take() : '';
    const record = { id, config, createdAtMs: clock.now(), ip, hostInterface: `veth${id.slice(0, 10)}` };
    const sandbox = Sandbox.create(join(folder, id), record);
    mkdirSync(config.logDirectory, { recursive: true, mode: 0o755 });
    try {
      const args = ['monitor', '--socket', join(sandbox.folder, 'monitor.sock'), '--config', '-'];
      const answer = await this.#spawner.run<SandboxStarted>(args, JSON.stringify(this.#monitorConfig(sandbox)));
      for (const warning of answer.warnings) log.debug('sandbox', { pod: config.metadata, warning });
    } catch (error) {
      if (ip !== '') this.#pool.release(ip);
      await rm(sandbox.folder, { recursive: true, force: true });
      throw error;
    }
    sandbox.ready = true;
    sandbox.holdsAddress = ip !== '';
    this.#sandboxes.set(id, sandbox);
    void this.#follow(sandbox, 0);
    return id;
  }

  async stop(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined || sandbox.isOver) return;
    try {
      const { containers } = await sandbox.monitor.request<StatusAnswer>('status');
      for (const container of containers) sandbox.observe(container);
      await sandbox.monitor.request('shutdown');
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'unavailable') throw error;
    }
    await this.#end(sandbox, KILLED);
  }

  async remove(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return;
    await this.stop(id);
    this.#sandboxes.delete(id);
    await rm(sandbox.folder, { recursive: true, force: true });
  }

  async #recover(folder: string): Promise<void> {
    const sandbox = Sandbox.load(folder);
    if (sandbox === undefined) {
      await rm(folder, { recursive: true, force: true });
      return;
    }
    this.#sandboxes.set(sandbox.record.id, sandbox);
    let status: StatusAnswer;
    try {
      status = await sandbox.monitor.request<StatusAnswer>('status');
    } catch {
      await this.#endQuietly(sandbox, UNKNOWN);
      // Nothing runs without a monitor; what could not be removed is tried again when the sandbox is stopped.
      sandbox.lost(this.#options.clock.now(), UNKNOWN);
      return;
    }
    if (sandbox.record.ip !== '') this.#pool.claim(sandbox.record.ip);
    sandbox.holdsAddress = sandbox.record.ip !== '';
    sandbox.ready = status.sandbox.state === 'Ready';
    for (const container of status.containers) sandbox.observe(container);
    void this.#follow(sandbox, status.cursor);
  }

  /** Ends, never with an error, when the monitor stops telling: one that answers later was only slow. */
  async #followOnce(sandbox: Sandbox, cursor: number): Promise<void> {
    try {
      for await (const event of sandbox.monitor.watch(cursor, this.#stop.signal)) this.#onEvent(sandbox, event);
    } catch {
      // Looked at by the caller.
    }
  }

  /** Takes over what the monitor tells until it has gone; it outlives its pause. */
  async #follow(sandbox: Sandbox, cursor: number): Promise<void> {
    let seen = cursor;
    while (!sandbox.isOver && !this.#stop.signal.aborted) {
      await this.#followOnce(sandbox, seen);
      if (this.#stop.signal.aborted || sandbox.isOver) return;
      const answers = await sandbox.monitor.request<StatusAnswer>('status').catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      if (answers === undefined) {
        await this.#endQuietly(sandbox, KILLED);
        if (sandbox.isOver) return;
      } else {
        for (const container of answers.containers) sandbox.observe(container);
        seen = answers.cursor;
      }
      await sleep(this.#options.clock, WATCH_RETRY_MS, this.#stop.signal);
    }
  }

  #onEvent(sandbox: Sandbox, event: Record<string, unknown>): void {
    if (event['event'] === 'sandboxExited') {
      sandbox.ready = false;
      for (const id of sandbox.containerIds()) this.publish('stopped', sandbox, id);
      return;
    }
    const container = event['container'] as MonitorContainer | undefined;
    const type = container === undefined ? undefined : CONTAINER_EVENTS.get(String(event['event']));
    if (container === undefined || type === undefined) return;
    sandbox.observe(container);
    this.publish(type, sandbox, container.id);
  }

  /**
   * The monitor has gone: takes what it left off the host, and with it the address. Repeatable; throws when something
   * cannot be removed, and then the next call tries again.
   */
  async #end(sandbox: Sandbox, end: LostEnd): Promise<void> {
    sandbox.ending ??= this.#endOnce(sandbox, end).finally(() => {
      sandbox.ending = undefined;
    });
    await sandbox.ending;
  }

  async #endQuietly(sandbox: Sandbox, end: LostEnd): Promise<void> {
    await this.#end(sandbox, end).catch((error: unknown) => {
      const pod = sandbox.record.config.metadata;
      this.#options.log.warn('a sandbox could not be cleaned up', { pod, error: String(error) });
    });
  }

  async #endOnce(sandbox: Sandbox, end: LostEnd): Promise<void> {
    if (sandbox.isOver) return;
    const { record, monitor } = sandbox;
    monitor.close();
    // First: nothing has ended before it is gone, and nothing is started anew beside it.
    await this.#cleanUp(sandbox);
    sandbox.isOver = true;
    for (const id of sandbox.lost(this.#options.clock.now(), end)) this.publish('stopped', sandbox, id);
    if (sandbox.holdsAddress) this.#pool.release(record.ip);
    sandbox.holdsAddress = false;
    this.publish('stopped', sandbox, record.id);
  }

  #monitorConfig({ record }: Sandbox): Record<string, unknown> {
    const { cgroup, bridge } = hostNames(this.#options.clusterId);
    const { gateway, prefixLength } = this.#pool;
    return monitorConfig(record, { cgroup, bridge, gateway, prefixLength });
  }

  async #cleanUp(sandbox: Sandbox): Promise<void> {
    const { program } = this.#options;
    if (!existsSync(program)) return;
    const args = ['cleanup', '--config', '-', '--socket', join(sandbox.folder, 'monitor.sock')];
    await this.#spawner.run(args, JSON.stringify(this.#monitorConfig(sandbox)));
  }
}
