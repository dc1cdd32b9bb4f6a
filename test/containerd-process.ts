/**
 * Debian's containerd with runc for a test: root, state, socket, configuration and network plugins' folder of its own,
 * in a network namespace that the test made, with a sandbox image that needs no registry. Ended by its pid.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { realClock } from '../base/clock.ts';
import type { CriClient } from '../kubelet/cri/client.ts';
import { openCriClient } from '../kubelet/cri/client.ts';
import { importArchive, waitForImage } from '../kubelet/cri/import.ts';
import { dockerArchive, sampleImage } from '../kubelet/images/sample-image.ts';

const here = dirname(fileURLToPath(import.meta.url));
const PAUSE_IMAGE = 'nocher.test/pause:1';
const CNI_BIN_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin'];
const START_TIMEOUT_MS = 60_000;

export interface ContainerdOptions {
  /** A command in front of containerd's, such as one that enters a network namespace. */
  enter?: readonly string[];
  /** Default: this process's. */
  environment?: NodeJS.ProcessEnv;
  /** Of the server for exec, attach and port forwarding, on loopback; any free one unless said. */
  streamPort?: number;
}

export interface ContainerdProcess {
  socket: string;
  /** Where network plugins are configured; empty at first. */
  cniConfFolder: string;
  /** Where registries are configured: `<host>/hosts.toml`. */
  registriesFolder: string;
  /** Ends it at once; pods go on. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  /** Ends its pods and itself, and removes all that it had. */
  stop(): Promise<void>;
}

const cniBinFolder = (): string | undefined => CNI_BIN_FOLDERS.find((folder) => existsSync(join(folder, 'bridge')));

/** What of containerd, runc, its tool and the network plugins is not on this machine; empty where all are. */
export function missingForContainerd(): string[] {
  const programs = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'cc'];
  const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const missing = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  return cniBinFolder() === undefined ? [...missing, 'network plugins (containernetworking-plugins)'] : missing;
}

/** Resolves once it serves CRI, with its sandbox image. */
export async function startContainerd(options: ContainerdOptions = {}): Promise<ContainerdProcess> {
  const containerd = new Containerd(mkdtempSync(join(tmpdir(), 'nocher-containerd-')), options);
  try {
    await containerd.start();
    await containerd.importPause();
  } catch (error) {
    await containerd.stop();
    throw error;
  }
  return containerd;
}

class Containerd implements ContainerdProcess {
  readonly socket: string;
  readonly cniConfFolder: string;
  readonly registriesFolder: string;
  readonly #folder: string;
  readonly #enter: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  constructor(folder: string, { enter = [], environment = process.env, streamPort = 0 }: ContainerdOptions) {
    this.#environment = environment;
    this.#folder = folder;
    this.#enter = enter;
    this.socket = join(folder, 'c.sock');
    this.cniConfFolder = join(folder, 'net.d');
    this.registriesFolder = join(folder, 'certs.d');
    for (const path of [this.cniConfFolder, this.registriesFolder]) mkdirSync(path);
    writeFileSync(join(folder, 'config.toml'), this.#config(streamPort));
  }

  async start(): Promise<void> {
    const [program, ...args] = [...this.#enter, 'containerd', '--config', join(this.#folder, 'config.toml')];
    const env = { ...this.#environment, PATH: `${this.#environment['PATH']}:/usr/sbin:/sbin` };
    // To a file: a pipe that a busy test does not read would stop it.
    const output = openSync(join(this.#folder, 'log'), 'a');
    const child = spawn(program!, args, { stdio: ['ignore', output, output], env });
    closeSync(output);
    this.#child = child;
    const endMs = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#serves())) {
      if (child.exitCode !== null || Date.now() > endMs) throw new Error(`containerd did not start:\n${this.#log()}`);
      await sleep(50);
    }
  }

  async importPause(): Promise<void> {
    const binary = join(this.#folder, 'pause');
    const { status, stderr } = spawnSync('cc', [
      '-static',
      '-Os',
      '-s',
      '-o',
      binary,
      join(here, 'containerd/pause.c'),
    ]);
    if (status !== 0) throw new Error(`the sandbox image could not be built: ${stderr.toString()}`);
    const members = [{ name: 'pause', mode: 0o755, content: readFileSync(binary) }];
    const image = await sampleImage([members], { Entrypoint: ['/pause'] });
    const archive = join(this.#folder, 'pause.tar');
    writeFileSync(archive, await dockerArchive(image, [PAUSE_IMAGE]));
    await importArchive(archive, this);
    await this.#with((client) => waitForImage(PAUSE_IMAGE, { client, socket: this.socket, clock: realClock }));
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    try {
      if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
        await this.start();
      await this.#with(removeSandboxes);
    } catch {
      // What it cannot remove, goes with its processes below.
    }
    await this.kill();
    this.#endShims();
    for (const mount of mountsBelow(this.#folder)) spawnSync('umount', ['-l', mount]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The end of what it printed. */
  #log(): string {
    return readFileSync(join(this.#folder, 'log'), 'utf8').slice(-4_000);
  }

  async #serves(): Promise<boolean> {
    if (!existsSync(this.socket)) return false;
    try {
      return await this.#with(async (client) => {
        const { status } = await client.call('Status', {}, { timeoutMs: 5_000 });
        return status?.conditions.some(({ type, status: isTrue }) => type === 'RuntimeReady' && isTrue) === true;
      });
    } catch {
      return false;
    }
  }

  async #with<T>(use: (client: CriClient) => Promise<T>): Promise<T> {
    const client = openCriClient({ socket: this.socket, clock: realClock });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  /** Shims have their own sessions; they carry the socket's address on their command lines. */
  #endShims(): void {
    for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
      try {
        const isShim = readlinkSync(`/proc/${name}/exe`).endsWith('containerd-shim-runc-v2');
        if (isShim && readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(this.socket))
          process.kill(Number(name), 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }

  #config(streamPort: number): string {
    const cri = 'plugins."io.containerd.grpc.v1.cri"';
    return [
      'version = 2',
      `root = "${this.#folder}/root"`,
      `state = "${this.#folder}/state"`,
      '[grpc]',
      `address = "${this.socket}"`,
      '[plugins."io.containerd.internal.v1.opt"]',
      `path = "${this.#folder}/opt"`,
      `[${cri}]`,
      `sandbox_image = "${PAUSE_IMAGE}"`,
      'disable_apparmor = true',
      'restrict_oom_score_adj = true',
      'netns_mounts_under_state_dir = true',
      `stream_server_port = "${streamPort}"`,
      `[${cri}.cni]`,
      `bin_dir = "${cniBinFolder()}"`,
      `conf_dir = "${this.cniConfFolder}"`,
      `[${cri}.registry]`,
      `config_path = "${this.registriesFolder}"`,
      `[${cri}.containerd.runtimes.runc]`,
      'runtime_type = "io.containerd.runc.v2"',
      `[${cri}.containerd.runtimes.runc.options]`,
      `Root = "${this.#folder}/runc"`,
      '',
    ].join('\n');
  }
}

async function removeSandboxes(client: CriClient): Promise<void> {
  const { items } = await client.call('ListPodSandbox', {});
  await Promise.allSettled(
    items.map(async ({ id }) => {
      await client.call('StopPodSandbox', { podSandboxId: id });
      await client.call('RemovePodSandbox', { podSandboxId: id });
    }),
  );
}

/** The last mounted first. */
function mountsBelow(folder: string): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return mounts.filter((mount) => mount.startsWith(`${folder}/`)).reverse();
}
