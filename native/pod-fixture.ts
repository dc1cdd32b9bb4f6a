// What the tests of native/ share: building the program, a root file system from the host's busybox, a pod whose bridge lies in a
// network namespace of the test's own, and a client of the control protocol.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the protocol's answers: a test says what it expects
export type Json = Record<string, any>;

/** Why the tests cannot run here, or nothing. Named in the suite's title. */
export const cannotRun: string | undefined =
  process.getuid?.() !== 0 ? 'needs root' : fs.existsSync('/usr/bin/busybox') ? undefined : 'needs /usr/bin/busybox';

/** `NOCHER_NATIVE_SANITIZE=1` runs the same suites on the sanitized build. */
export const sanitized = process.env['NOCHER_NATIVE_SANITIZE'] === '1';

const here = import.meta.dirname;
const output = path.join(here, '../dist', sanitized ? 'native-sanitize' : 'native');
/** `NOCHER_NATIVE_PREBUILT=1` runs them on the build that is shipped. */
const prebuilt = process.env['NOCHER_NATIVE_PREBUILT'] === '1';
export const binary = prebuilt
  ? path.join(here, `prebuilt/nocher-native-${process.arch}`)
  : path.join(output, 'nocher-native');

/** Runs make under a lock (jest runs files side by side); quick when nothing is stale. */
export function build(): void {
  if (prebuilt) return;
  fs.mkdirSync(output, { recursive: true });
  const args = [
    path.join(output, 'lock'),
    'make',
    '-s',
    '-j2',
    '-C',
    here,
    `OUT=${output}`,
    `SANITIZE=${sanitized ? 1 : 0}`,
  ];
  const made = spawnSync('flock', args, { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`make failed: ${made.stderr}`);
}

const applets =
  'sh ls cat ps id sleep echo mount hostname ip grep env nc readlink head tail yes kill stat dd touch mkdir awk seq true false ' +
  'tty stty mknod chmod wc sort cut tr printf ln rm test pwd unshare umount sync nohup setsid timeout usleep';

/** A layer with busybox, /etc/passwd and /etc/group. */
function makeLayer(root: string): void {
  for (const folder of ['bin', 'etc', 'tmp', 'var/www']) fs.mkdirSync(path.join(root, folder), { recursive: true });
  fs.copyFileSync('/usr/bin/busybox', path.join(root, 'bin/busybox'));
  for (const applet of applets.split(' ')) fs.symlinkSync('busybox', path.join(root, 'bin', applet));
  fs.chmodSync(path.join(root, 'tmp'), 0o1777);
  fs.writeFileSync(path.join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/var/www:/bin/sh\n');
  fs.writeFileSync(path.join(root, 'etc/group'), 'root:x:0:\nweb:x:34:\nextra:x:77:other,www\nstaff:x:50:\n');
}

/** One connection to the control socket. Answers are matched by id; what is no answer (events) is kept in `events`. */
export class ControlClient {
  readonly socket: net.Socket;
  readonly events: Json[] = [];
  #waiting = new Map<number, (answer: Json) => void>();
  #eventWaiters: (() => void)[] = [];
  #text = '';
  #id = 0;
  readonly closed: Promise<void>;
  #rejecting = new Set<(error: Error) => void>();
  #isClosed = false;

  constructor(socketPath: string) {
    this.socket = net.connect(socketPath);
    this.socket.setEncoding('utf8');
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#isClosed = true;
        for (const reject of this.#rejecting) reject(new Error('the control connection closed'));
        resolve();
      });
    });
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: string) => this.#take(chunk));
  }

  #take(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const message = JSON.parse(this.#text.slice(0, end)) as Json;
      this.#text = this.#text.slice(end + 1);
      if ('event' in message) this.events.push(message);
      else this.#waiting.get(message['id'] as number)?.(message);
    }
    for (const waiter of this.#eventWaiters.splice(0)) waiter();
  }

  send(request: Json): Promise<Json> {
    const id = ++this.#id;
    if (this.#isClosed) return Promise.reject(new Error('the control connection is closed'));
    return new Promise((resolve, reject) => {
      this.#rejecting.add(reject);
      this.#waiting.set(id, (answer) => {
        this.#rejecting.delete(reject);
        resolve(answer);
      });
      this.socket.write(`${JSON.stringify({ version: 1, id, ...request })}\n`);
    });
  }

  /** The result of a command that must succeed. */
  async call(command: string, rest: Json = {}): Promise<Json> {
    const answer = await this.send({ command, ...rest });
    if (answer['ok'] !== true) throw new Error(`${command}: ${JSON.stringify(answer['error'])}`);
    return answer['result'] as Json;
  }

  /** The error of a command that must fail. */
  async fails(command: string, rest: Json = {}): Promise<Json> {
    const answer = await this.send({ command, ...rest });
    if (answer['ok'] === true) throw new Error(`${command} succeeded: ${JSON.stringify(answer['result'])}`);
    return answer['error'] as Json;
  }

  async nextEvent(matches: (event: Json) => boolean): Promise<Json> {
    for (;;) {
      const index = this.events.findIndex(matches);
      if (index >= 0) return this.events.splice(index, 1)[0] as Json;
      await new Promise<void>((resolve, reject) => {
        this.#eventWaiters.push(resolve);
        this.#rejecting.add(reject);
      });
    }
  }
}

/** Whether a process runs; one that waits for its parent to notice its end does not. */
export function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** A pod for one test; it goes whatever happens. */
export async function withPod(overrides: Json, test: (pod: Pod) => Promise<void>): Promise<void> {
  const pod = new Pod(overrides);
  try {
    await pod.start();
    await test(pod);
  } finally {
    await pod.stop();
  }
}

/** A namespace of the test's own, kept by a sleeping process. */
export class NetworkNamespace {
  readonly #keeper: ChildProcess;

  constructor() {
    this.#keeper = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; echo ready; exec sleep 3600']);
    this.#keeper.unref();
  }

  ready(): Promise<void> {
    return new Promise((resolve) => this.#keeper.stdout?.once('data', () => resolve()));
  }

  /** A server of this program's own network address: a Node script that says `ready`. `pid` names the namespace. */
  static async serve(pid: number, script: string): Promise<ChildProcess> {
    const server = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', script]);
    server.unref();
    await new Promise<void>((resolve) => server.stdout.once('data', () => resolve()));
    return server;
  }

  run(command: string, args: string[], input?: string): { status: number | null; stdout: string; stderr: string } {
    const inside = [`--net=/proc/${this.#keeper.pid}/ns/net`, command, ...args];
    return spawnSync('nsenter', inside, { encoding: 'utf8', ...(input === undefined ? {} : { input }) });
  }

  close(): void {
    this.#keeper.kill('SIGKILL');
  }
}

let pods = 0;

/** A pod for one test file. `start` brings it up, `stop` takes everything away. */
export class Pod {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nocher-native-'));
  readonly layer = path.join(this.folder, 'layer');
  readonly socketPath = path.join(this.folder, 'control');
  readonly network = new NetworkNamespace();
  readonly cgroup = `nocher-test-${process.pid}-${++pods}`;
  readonly config: Json;
  ready: Json = {};
  client!: ControlClient;
  #containers = 0;
  #wrapper: string[] = [];
  #monitorPid = 0;

  constructor(overrides: Json = {}) {
    makeLayer(this.layer);
    this.config = {
      version: 1,
      id: 'pod1',
      hostname: 'web-0',
      network: { hostInterface: 'veth1', bridge: 'br0', addresses: ['10.99.0.5/24'], gateways: ['10.99.0.1'] },
      cgroup: { parent: `${this.cgroup}/pod` },
      ...overrides,
    };
  }

  /** The launcher's exit code and its line. */
  launch(config: Json = this.config, socketPath = this.socketPath): { status: number | null; line: Json } {
    const args = [binary, 'monitor', '--socket', socketPath, '--config', '-'];
    const run = this.network.run(
      this.#wrapper[0] ?? binary,
      [...this.#wrapper.slice(1), ...args].slice(this.#wrapper[0] ? 0 : 1),
      JSON.stringify(config),
    );
    return { status: run.status, line: JSON.parse(run.stdout || '{}') as Json };
  }

  /** The monitor will see a mount table in which only a v2 hierarchy is left. */
  hideCgroupV1(): void {
    this.#hideCgroups('mount -t cgroup2 none /sys/fs/cgroup');
  }

  /** The monitor will see a mount table without cgroups: nothing can be limited, devices neither. */
  hideCgroups(): void {
    this.#hideCgroups('true');
  }

  #hideCgroups(then: string): void {
    const script = `umount -R -l /sys/fs/cgroup && ${then} && exec "$@"`;
    this.#wrapper = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  }

  async start(): Promise<this> {
    await this.network.ready();
    this.network.run(binary, ['bridge', 'ensure', '--name', 'br0', '--address', '10.99.0.1/24']);
    const { status, line } = this.launch();
    if (status !== 0) throw new Error(`monitor: ${JSON.stringify(line)}`);
    this.ready = line;
    this.#monitorPid = line['monitorPid'] as number;
    this.client = new ControlClient(this.socketPath);
    return this;
  }

  /** A start request's `container` with a writable layer of its own. */
  container(args: string[], more: Json = {}): Json {
    const id = (more['id'] as string | undefined) ?? `c${++this.#containers}`;
    const upperDir = path.join(this.folder, `${id}.upper`);
    const workDir = path.join(this.folder, `${id}.work`);
    fs.mkdirSync(upperDir, { recursive: true });
    fs.mkdirSync(workDir, { recursive: true });
    const rootfs = { lowerDirs: [this.layer], upperDir, workDir, ...(more['rootfs'] as Json | undefined) };
    return { id, args, log: { path: path.join(this.folder, `${id}.log`) }, ...more, rootfs };
  }

  /** Starts a container and returns its id. */
  async run(args: string[], more: Json = {}): Promise<string> {
    const container = this.container(args, more);
    await this.client.call('start', { container });
    return container['id'] as string;
  }

  /** Runs a shell command to its end; its exit code and what it wrote. */
  async shell(
    script: string,
    more: Json = {},
  ): Promise<{ code: number; stdout: string; stderr: string; status: Json }> {
    const container = await this.run(['sh', '-c', script], more);
    const status = await this.client.call('wait', { container });
    const output = { stdout: this.log(container, 'stdout'), stderr: this.log(container, 'stderr') };
    return { code: status['exitCode'] as number, ...output, status };
  }

  logLines(container: string): string[] {
    return fs
      .readFileSync(path.join(this.folder, `${container}.log`), 'utf8')
      .split('\n')
      .slice(0, -1);
  }

  /** A stream's text as `kubectl logs` would show it. */
  log(container: string, stream: 'stdout' | 'stderr'): string {
    const lines = this.logLines(container).map((line) => /^\S+ (stdout|stderr) ([FP]) ([^]*)$/.exec(line));
    return lines
      .filter((line) => line?.[1] === stream)
      .map((line) => (line?.[3] ?? '') + (line?.[2] === 'F' ? '\n' : ''))
      .join('');
  }

  cgroupFolders(): string[] {
    return fs
      .readdirSync('/sys/fs/cgroup')
      .map((name) => path.join('/sys/fs/cgroup', name, this.cgroup))
      .concat(path.join('/sys/fs/cgroup', this.cgroup))
      .filter((folder) => fs.existsSync(folder));
  }

  async stop(): Promise<void> {
    if (this.#monitorPid > 0 && alive(this.#monitorPid)) {
      this.client ??= new ControlClient(this.socketPath);
      await this.client.call('shutdown').catch(() => {});
      await this.client.closed;
    }
    this.client?.socket.destroy();
    this.network.close();
    for (const folder of this.cgroupFolders()) {
      for (const below of ['pod', 'other'])
        if (fs.existsSync(path.join(folder, below))) fs.rmdirSync(path.join(folder, below));
      fs.rmdirSync(folder);
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Frame {
  type: number;
  payload: Buffer;
}

/** A connection that a streaming command has taken over: its answer, then frames (exec, attach) or bytes (dial). */
export class Stream {
  readonly socket: net.Socket;
  readonly frames: Frame[] = [];
  readonly answer: Promise<Json>;
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);
  #answered = false;
  #resolve!: (answer: Json) => void;
  #waiters: (() => void)[] = [];

  constructor(socketPath: string, request: Json) {
    this.socket = net.connect({ path: socketPath, allowHalfOpen: request['command'] === 'dial' });
    this.answer = new Promise((resolve) => (this.#resolve = resolve));
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve()));
    this.socket.on('error', () => {});
    this.socket.on('end', () => this.#wake());
    this.socket.on('close', () => this.#wake());
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.socket.write(`${JSON.stringify({ version: 1, id: 1, ...request })}\n`);
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const end = this.#answered ? -1 : this.#bytes.indexOf('\n');
    if (end >= 0) {
      this.#answered = true;
      this.#resolve(JSON.parse(this.#bytes.subarray(0, end).toString()) as Json);
      this.#bytes = this.#bytes.subarray(end + 1);
    }
    this.#wake();
  }

  /** Bytes after the answer that were not taken as frames. */
  get raw(): Buffer {
    return this.#bytes;
  }

  #parse(): void {
    while (this.#answered && this.#bytes.length >= 5 && this.#bytes.length >= 5 + this.#bytes.readUInt32BE(1)) {
      const end = 5 + this.#bytes.readUInt32BE(1);
      this.frames.push({ type: this.#bytes.readUInt8(0), payload: this.#bytes.subarray(5, end) });
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  send(type: number, payload: Buffer | string = ''): void {
    const body = Buffer.from(payload as string);
    const header = Buffer.alloc(5);
    header.writeUInt8(type, 0);
    header.writeUInt32BE(body.length, 1);
    this.socket.write(Buffer.concat([header, body]));
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.output(16))}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Waits until the stream's text so far satisfies `matches`. */
  async outputMatches(matches: RegExp): Promise<string> {
    await this.until(() => matches.test(this.output(16)));
    return this.output(16);
  }

  output(type: number): string {
    this.#parse();
    return Buffer.concat(this.frames.filter((frame) => frame.type === type).map((frame) => frame.payload)).toString();
  }

  /** The exit frame. */
  async exit(): Promise<Json> {
    await this.until(() => this.output(18) !== '');
    return JSON.parse(this.output(18)) as Json;
  }
}
