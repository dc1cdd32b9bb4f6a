/**
 * A real cluster for a test: `nocher up` in a network namespace, a data folder and cgroups of its own, driven by a real
 * kubectl. Everything is undone by `stop`, also after a failure. With `NOCHER_TEST_STORAGE=etcd` each cluster stores in
 * an etcd of its own; with `NOCHER_TEST_RUNTIME=cri` its pods run on a containerd of its own.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, SpawnSyncReturns } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerdProcess } from '../containerd-process.ts';
import { startContainerd } from '../containerd-process.ts';
import type { EtcdProcess } from '../etcd-process.ts';
import { startEtcd } from '../etcd-process.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export const isRoot = process.getuid?.() === 0;

/** What containers end or fail with is then told in containerd's words. */
export const isOnContainerd = isRoot && process.env['NOCHER_TEST_RUNTIME'] === 'cri';

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Cluster {
  dataDir: string;
  /** What `bin/nocher` is called with to start it, for a start in the test's own way. */
  upArguments: readonly string[];
  /** Runs kubectl; `minor` is 31, 33 or 35 (default). */
  kubectl(args: readonly string[], options?: { minor?: string; input?: string; timeoutMs?: number }): CommandResult;
  /** As `kubectl`, but throws unless it succeeds; gives standard output. */
  run(...args: string[]): string;
  /** Applies YAML text. */
  apply(yaml: string): void;
  /** Runs any command in the cluster's network namespace. */
  host(command: string, args: readonly string[]): CommandResult;
  /** What is put in front of a command to run it there. */
  enter: readonly string[];
  /** Runs a command of `nocher` on the cluster's data folder, as the cluster was started. */
  nocher(args: readonly string[]): CommandResult;
  /** Starts a command there without waiting. */
  spawn(command: string, args: readonly string[]): ChildProcess;
  kubectlPath(minor?: string): string;
  environment: NodeJS.ProcessEnv;
  /** What the cluster's process printed. */
  output(): string;
  /** The runtime of its pods, where that is not its own; there from the first start on. */
  containerd(): ContainerdProcess;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** With the flags of the first start, or others. */
  restart(flags?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

function must(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || String(error)}`);
}

/** A network namespace with loopback and one address, so that a node has one. */
function makeNamespace(): string {
  // Not by the process: one that was killed has left its own, and numbers come again.
  const name = `nocher-e2e-${randomBytes(6).toString('hex')}`;
  must('ip', ['netns', 'add', name]);
  const inside = (...args: string[]): void => must('nsenter', [`--net=/run/netns/${name}`, ...args]);
  inside('ip', 'link', 'set', 'lo', 'up');
  inside('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'peer0');
  inside('ip', 'address', 'add', '192.0.2.10/24', 'dev', 'eth0');
  inside('ip', 'link', 'set', 'eth0', 'up');
  inside('ip', 'link', 'set', 'peer0', 'up');
  return name;
}

const result = ({ status, stdout, stderr }: SpawnSyncReturns<string>): CommandResult => ({
  code: status ?? 1,
  stdout,
  stderr,
});

export interface ClusterOptions {
  /** Programs that this cluster does not find on the machine, by their paths. Needs root. */
  hidden?: readonly string[];
  /** Whatever the environment says. */
  runtime?: 'cri';
  /** A folder below the cluster's own, whatever its length. */
  dataDirSuffix?: string;
  /** Another checkout than the test's own, built. */
  checkout?: string;
  /** Another release of Node than the test's own. */
  node?: string;
  /** Further environment. */
  environment?: NodeJS.ProcessEnv;
  /** What runs Node, such as `['setpriv', '--reuid=65534']`. */
  within?: readonly string[];
}

/** In a mount namespace of its own, where something that cannot be run lies over each program. */
function hide(hidden: readonly string[], command: string, args: readonly string[]): [string, string[]] {
  if (hidden.length === 0) return [command, [...args]];
  const script = `${hidden.map((path) => `mount --bind /dev/null ${path} && `).join('')}exec "$@"`;
  return ['unshare', ['--mount', '--propagation', 'slave', 'sh', '-c', script, 'sh', command, ...args]];
}

/** Starts a cluster and waits until its node is Ready. */
export async function startCluster(flags: readonly string[] = [], options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = prepareCluster(flags, options);
  try {
    await cluster.restart();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** A network namespace and a data folder for a cluster, which `restart` starts for the first time. */
export function prepareCluster(flags: readonly string[] = [], options: ClusterOptions = {}): Cluster {
  const { hidden = [], dataDirSuffix = '', node = process.execPath, within = [], checkout = root, runtime } = options;
  const namespace = isRoot ? makeNamespace() : undefined;
  const ownFolder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
  const dataDir = join(ownFolder, dataDirSuffix);
  const kubeconfig = join(dataDir, 'admin.kubeconfig');
  const environment = { ...process.env, KUBECONFIG: kubeconfig, HOME: ownFolder, ...options.environment };
  const enter = (command: string, args: readonly string[]): [string, string[]] =>
    namespace === undefined ? [command, [...args]] : ['nsenter', [`--net=/run/netns/${namespace}`, command, ...args]];
  let etcd: EtcdProcess | undefined;
  const storageFlags = async (): Promise<string[]> => {
    if (process.env['NOCHER_TEST_STORAGE'] !== 'etcd') return [];
    etcd ??= await startEtcd({ enter: enter('env', []).flat() });
    return ['--storage', 'etcd', '--etcd-endpoints', etcd.endpoint];
  };
  let containerd: ContainerdProcess | undefined;
  const runtimeFlags = async (): Promise<string[]> => {
    const isChosen = runtime ?? process.env['NOCHER_TEST_RUNTIME'];
    if (isChosen !== 'cri' || !isRoot || flags.includes('--runtime')) return [];
    containerd ??= await startContainerd({ enter: enter('env', []).flat(), environment });
    return ['--runtime', 'cri', '--cri-socket', containerd.socket];
  };
  const args = ['up', '--data-dir', dataDir, '--api-port', '0', '--kubelet-port', '0', '--node-name', 'node-1'];
  const byNode = (...words: string[]): string[] => [...within, node, join(checkout, 'bin/nocher'), ...words];
  let process_: ChildProcess | undefined;
  let printed = '';
  const start = async (further = flags): Promise<void> => {
    rmSync(join(dataDir, 'run', 'ready.json'), { force: true });
    const stores = [...(await storageFlags()), ...(await runtimeFlags())];
    const command = byNode(...args, ...stores, ...further);
    const child = spawn(...enter(...hide(hidden, command[0]!, command.slice(1))), {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process_ = child;
    child.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const deadlineMs = Date.now() + 60_000;
    while (!existsSync(join(dataDir, 'run', 'ready.json'))) {
      if (child.exitCode !== null || Date.now() > deadlineMs)
        throw new Error(`the cluster did not start:\n${printed}\n${logOf(dataDir)}`);
      await sleep(20);
    }
  };
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const child = process_;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await exited;
  };
  const undo = async (): Promise<void> => {
    await kill('SIGTERM');
    cluster.nocher(['down', '--purge']);
    await etcd?.stop();
    await containerd?.stop();
    if (namespace !== undefined) spawnSync('ip', ['netns', 'delete', namespace]);
    rmSync(ownFolder, { recursive: true, force: true });
  };
  const kubectlPath = (minor = '35'): string => join(root, 'dist/kubectl', minor, 'kubectl');
  const host = (
    command: string,
    commandArgs: readonly string[],
    {
      input,
      timeoutMs = 60_000,
      env = environment,
    }: { input?: string; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
  ): CommandResult =>
    result(
      spawnSync(...enter(command, commandArgs), {
        env,
        encoding: 'utf8',
        timeout: timeoutMs,
        maxBuffer: 64 << 20,
        ...(input === undefined ? {} : { input }),
      }),
    );
  const cluster: Cluster = {
    dataDir,
    upArguments: [join(root, 'bin/nocher'), ...args, ...flags],
    environment,
    kubectlPath,
    output: () => printed,
    containerd: () => containerd!,
    // A third of the time of a short kubectl is its garbage collector's.
    kubectl: (commandArgs, { minor, ...options } = {}) =>
      host(kubectlPath(minor), commandArgs, { ...options, env: { ...environment, GOGC: 'off' } }),
    run(...commandArgs) {
      const { code, stdout, stderr } = cluster.kubectl(commandArgs);
      if (code !== 0) throw new Error(`kubectl ${commandArgs.join(' ')} exited with ${code}\n${stdout}${stderr}`);
      return stdout;
    },
    apply(yaml) {
      const { code, stderr } = cluster.kubectl(['apply', '-f', '-'], { input: yaml });
      if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
    },
    host: (command, commandArgs) => host(command, commandArgs),
    enter: namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace}`],
    nocher(commandArgs) {
      const words = byNode(...commandArgs, '--data-dir', dataDir);
      return host(words[0]!, words.slice(1));
    },
    spawn: (command, commandArgs) =>
      spawn(...enter(command, commandArgs), { env: environment, stdio: ['pipe', 'pipe', 'pipe'] }),
    kill,
    restart: start,
    stop: undo,
  };
  return cluster;
}

/** The end of the cluster's log, for messages of failed tests. */
export function logOf(dataDir: string): string {
  const path = join(dataDir, 'log', 'nocher.log');
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-4000) : '';
}

/** Calls `check` until it gives something; throws with `what` after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadlineMs) throw new Error(`did not happen within ${timeoutMs / 1000} s: ${what}`);
    await sleep(100);
  }
}

/** A kubectl of one release, in a namespace of its own. */
export interface NamespacedKubectl {
  minor: string;
  namespace: string;
  /** Any outcome. */
  (...args: string[]): CommandResult;
  /** Standard output; throws unless the command succeeds. */
  ok(...args: string[]): string;
  /** With standard input. */
  given(input: string, ...args: string[]): CommandResult;
  /** With further environment, such as an EDITOR. */
  withEnv(env: Record<string, string>, ...args: string[]): CommandResult;
}

/** Makes the namespace `m<minor>`, ready for pods, and gives a kubectl that works in it. */
export async function kubectlIn(cluster: Cluster, minor: string, namespace = `m${minor}`): Promise<NamespacedKubectl> {
  const scoped = (args: readonly string[]): string[] => [args[0]!, `--namespace=${namespace}`, ...args.slice(1)];
  const call = (...args: string[]): CommandResult => cluster.kubectl(scoped(args), { minor });
  const kubectl: NamespacedKubectl = Object.assign(call, {
    minor,
    namespace,
    ok(...args: string[]) {
      const { code, stdout, stderr } = call(...args);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} exited with ${code}\n${stdout}${stderr}`);
      return stdout;
    },
    given: (input: string, ...args: string[]) => cluster.kubectl(scoped(args), { minor, input }),
    withEnv: (env: Record<string, string>, ...args: string[]) =>
      cluster.host('env', [
        ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
        cluster.kubectlPath(minor),
        ...scoped(args),
      ]),
  });
  kubectl.ok('create', 'namespace', namespace);
  await eventually('the default service account', () => call('get', 'serviceaccount', 'default').code === 0);
  return kubectl;
}

/** Objects that kubectl printed: a test says what it expects of them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- their types would repeat the expectations
export type Json = any;

/** `NOCHER_TEST_NEWEST=1`: with the newest alone. */
export const EVERY_MINOR = process.env['NOCHER_TEST_NEWEST'] === '1' ? ['35'] : ['31', '33', '35'];
/** The oldest and the newest, for suites that are not worth the time of a third. */
export const MINORS = [...new Set([EVERY_MINOR[0]!, EVERY_MINOR.at(-1)!])];

/** What a command that succeeds prints. */
export const done = (stdout: string, stderr = ''): CommandResult => ({ code: 0, stdout, stderr });

/** What a command that fails prints. */
export const failed = (stderr: string, code = 1): CommandResult => ({ code, stdout: '', stderr });

export function writeFile(dataDir: string, name: string, text: string): string {
  const path = join(dataDir, name);
  writeFileSync(path, text);
  return path;
}
