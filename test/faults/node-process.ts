/**
 * A kubelet in a process of its own, on an API server in this one and a network namespace of its own, that a test may
 * kill at any of its effects, and what it has on the machine. Needs root.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { startTestServer } from '../../apiserver/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { buildHelloImages } from '../../kubelet/images/hello-image.ts';
import { createImageStore } from '../../kubelet/images/store.ts';
import type { CrashPlan } from './effects/crash-point.ts';
import type { FromNode, NodeConfig, ToNode } from './node-messages.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const EFFECTS: Readonly<Record<string, string>> = {
  'node:fs': 'fs.ts',
  'node:fs/promises': 'fs-promises.ts',
  'node:child_process': 'child-process.ts',
  'node:net': 'net.ts',
};
const OBSERVED = /\/kubelet\/(native|pods|resize|volumes|logs|status)\//;

export const NODE = 'node-1';

export class NodeProcess {
  readonly server: TestServer;
  readonly folder: string;
  readonly clusterId: string;
  readonly #namespace: string;
  #child: ChildProcess | undefined;
  #printed = '';
  #waiting = new Map<FromNode['type'], (message: FromNode) => void>();
  #requests = new Map<number, AbortController>();

  private constructor(server: TestServer, folder: string) {
    this.server = server;
    this.folder = folder;
    // Not by the process: one that was killed has left its own, and numbers come again.
    this.clusterId = randomBytes(4).toString('hex');
    this.#namespace = `nocher-faults-${this.clusterId}`;
  }

  /** With images, a network namespace and an API server, and no process yet. */
  static async prepare(): Promise<NodeProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'nocher-faults-'));
    const node = new NodeProcess(await startTestServer(), folder);
    if (!existsSync(join(root, 'dist/native/nocher-native')))
      spawnSync('make', ['-s', '-C', join(root, 'native'), 'OUT=../dist/native'], { stdio: 'inherit' });
    node.#makeNetwork();
    const store = createImageStore({ folder: join(folder, 'images'), clock: realClock, log: silentLogger });
    const { signal } = new AbortController();
    await buildHelloImages({ store, sourceFolder: join(root, 'examples/hello'), signal });
    await store.close();
    mkdirSync(join(folder, 'history'));
    await bundle(join(folder, 'node.mjs'));
    return node;
  }

  /** Resolves when the kubelet looks after its pods. */
  async start(options: Pick<NodeConfig, 'crashBackoff'> = {}): Promise<void> {
    const config: NodeConfig = {
      ...options,
      folder: this.folder,
      program: join(root, 'dist/native/nocher-native'),
      clusterId: this.clusterId,
      nodeName: NODE,
      // Five addresses: one that is lost is soon missed.
      podCidr: '10.244.0.0/29',
    };
    const command = [process.execPath, '--expose-gc', join(this.folder, 'node.mjs'), JSON.stringify(config)];
    const child = spawn('nsenter', [`--net=/run/netns/${this.#namespace}`, ...command], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.#printed = (this.#printed + chunk.toString()).slice(-20_000)));
    child.on('message', (message: FromNode) => this.#onMessage(child, message));
    await this.#next('ready');
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** What it logged, the end of it. */
  get printed(): string {
    return this.#printed;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  async arm(plan: CrashPlan | undefined): Promise<void> {
    const armed = this.#next('armed');
    this.#tell(this.#child!, { type: 'arm', plan });
    await armed;
  }

  async effects(): Promise<readonly string[]> {
    const told = this.#next('effects');
    this.#tell(this.#child!, { type: 'effects' });
    const message = await told;
    return message.type === 'effects' ? message.labels : [];
  }

  /** What it needs, once what it does not need is collected. */
  async heapBytes(): Promise<number> {
    const told = this.#next('heap');
    this.#tell(this.#child!, { type: 'heap' });
    const message = await told;
    return message.type === 'heap' ? message.usedBytes : 0;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** Runs a command in the node's network. */
  host(command: string, ...args: string[]): string {
    return spawnSync('nsenter', [`--net=/run/netns/${this.#namespace}`, command, ...args], { encoding: 'utf8' }).stdout;
  }

  /** Starts a command in the node's network. */
  spawn(command: string, ...args: string[]): ChildProcess {
    return spawn('nsenter', [`--net=/run/netns/${this.#namespace}`, command, ...args], { stdio: 'ignore' });
  }

  /** The end of every process, and nothing is left in memory: what is on the disk stays. */
  async crashMachine(): Promise<void> {
    await this.kill();
    await this.#endAll();
    this.#makeNetwork();
  }

  /** Everything of it is gone from the machine, whatever state it was in. */
  async close(): Promise<void> {
    await this.kill();
    await this.#endAll();
    rmSync(this.folder, { recursive: true, force: true });
    await this.server.close();
  }

  /** Folders of the cluster's cgroups, parents first. */
  cgroups(): string[] {
    const { stdout } = spawnSync('find', ['/sys/fs/cgroup', '-path', `*/nocher-${this.clusterId}*`, '-type', 'd'], {
      encoding: 'utf8',
    });
    return stdout.split('\n').filter(Boolean).sort();
  }

  /** The folder of a pod's cgroup that counts its processes. */
  podCgroup(qosClass: string, uid: string): string {
    const below = join(`nocher-${this.clusterId}`, qosClass, `pod${uid}`);
    return join('/sys/fs/cgroup', existsSync('/sys/fs/cgroup/pids') ? 'pids' : '', below);
  }

  /** Whether anything runs in this cgroup, named below the cluster's. */
  hasProcess(path: string): boolean {
    return ['memory', 'pids', ''].some(
      (controller) => read(join('/sys/fs/cgroup', controller, `nocher-${this.clusterId}`, path, 'cgroup.procs')) !== '',
    );
  }

  /** Of all pods: monitors, pauses, containers. */
  processes(): { pid: string; cgroup: string; command: string }[] {
    const found: ReturnType<NodeProcess['processes']> = [];
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (Number(pid) === process.pid || Number(pid) === this.#child?.pid) continue;
      const cgroup = read(`/proc/${pid}/cgroup`).match(new RegExp(`nocher-${this.clusterId}\\S*`))?.[0] ?? '';
      const state = read(`/proc/${pid}/stat`).replace(/.*\) /s, '')[0];
      const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
      const isOurs = cgroup !== '' || command.includes(`${this.folder}/`);
      if (isOurs && state !== undefined && !'ZX'.includes(state)) found.push({ pid, cgroup, command });
    }
    return found;
  }

  /** The host's ends of the pods' networks. */
  links(): string[] {
    return [...this.host('ip', '-o', 'link', 'show', 'type', 'veth').matchAll(/^\d+: ([^@:]+)/gm)].map(
      ([, name]) => name!,
    );
  }

  mounts(): string[] {
    return read('/proc/self/mountinfo')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith(`${this.folder}/`));
  }

  async #endAll(): Promise<void> {
    for (const { pid } of this.processes()) tryKill(Number(pid));
    const waitUntilMs = Date.now() + 5_000;
    while (this.processes().length > 0 && Date.now() < waitUntilMs) await new Promise((r) => setTimeout(r, 20));
    for (const point of this.mounts().reverse()) spawnSync('umount', ['-l', point]);
    // A group goes when the last process in it has been reaped, a moment after its end.
    for (let groups = this.cgroups(); groups.length > 0 && Date.now() < waitUntilMs; groups = this.cgroups()) {
      for (const path of groups.reverse()) spawnSync('rmdir', [path]);
    }
    spawnSync('ip', ['netns', 'delete', this.#namespace]);
  }

  #makeNetwork(): void {
    spawnSync('ip', ['netns', 'add', this.#namespace]);
    spawnSync('nsenter', [`--net=/run/netns/${this.#namespace}`, 'ip', 'link', 'set', 'lo', 'up']);
  }

  #next(type: FromNode['type']): Promise<FromNode> {
    const child = this.#child!;
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error(`the kubelet ended before "${type}":\n${this.#printed}`));
      child.once('exit', onExit);
      this.#waiting.set(type, (message) => {
        child.off('exit', onExit);
        resolve(message);
      });
    });
  }

  #tell(child: ChildProcess, message: ToNode): void {
    if (child.connected) child.send(message, () => undefined);
  }

  #onMessage(child: ChildProcess, message: FromNode): void {
    if (message.type === 'request') void this.#serve(child, message);
    else if (message.type === 'cancel') this.#requests.get(message.id)?.abort();
    else this.#waiting.get(message.type)?.(message);
  }

  async #serve(child: ChildProcess, request: FromNode & { type: 'request' }): Promise<void> {
    const { id, isWatch, method, url, contentType, body } = request;
    if (!isWatch) {
      const response = await this.server.send(method, url, { contentType, ...(body === undefined ? {} : { body }) });
      this.#tell(child, { type: 'response', id, status: response.status, body: response.body });
      return;
    }
    const stop = new AbortController();
    this.#requests.set(id, stop);
    child.once('exit', () => stop.abort());
    let status = 200;
    try {
      const events = await this.server.watch(url, stop.signal);
      for (let next = await events.next(); next.done !== true; next = await events.next())
        this.#tell(child, { type: 'events', id, events: [next.value] });
    } catch {
      status = 410;
    }
    this.#requests.delete(id);
    this.#tell(child, { type: 'response', id, status, body: undefined });
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

async function bundle(outfile: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [join(here, 'crashing-node.ts')],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    external: ['lmdb', 'etcd3'],
    banner: {
      js: "import { createRequire as nocherCreateRequire } from 'node:module'; const require = nocherCreateRequire(import.meta.url);",
    },
    define: { NOCHER_BUILD: 'undefined' },
    logLevel: 'warning',
    plugins: [
      {
        name: 'effects',
        setup({ onResolve }) {
          onResolve({ filter: /^node:(fs|fs\/promises|child_process|net)$/ }, ({ path, importer }) =>
            OBSERVED.test(importer) ? { path: join(here, 'effects', EFFECTS[path]!) } : undefined,
          );
        },
      },
    ],
  });
}
