/**
 * What the README promises to somebody with nothing: a clean clone, `npm ci && npm start`, the printed next steps,
 * Ctrl-C, `down --purge`. In a network namespace, with a /var/lib and a home of its own. Needs root, git and npm's registry.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandResult } from './harness.ts';
import { eventually, isRoot } from './harness.ts';

const checkout = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Why it cannot be tried here. */
function obstacle(): string | undefined {
  if (!isRoot) return 'needs root';
  if (spawnSync('git', ['-C', checkout, 'rev-parse', 'HEAD']).status !== 0) return 'needs git and a clone';
  const ping = spawnSync('npm', ['ping', '--fetch-retries=0'], { encoding: 'utf8', timeout: 20_000 });
  return ping.status === 0 ? undefined : "needs npm's registry, which cannot be reached";
}

const reason = obstacle();
if (reason !== undefined) process.stderr.write(`from nothing: ${reason}\n`);

/** A machine of its own, as far as it matters: another /var/lib, another network. */
const HOLDER = 'mount -t tmpfs tmpfs /var/lib && ip link set lo up && echo ready && exec cat';

(reason === undefined ? describe : describe.skip)('from nothing', () => {
  let folder: string;
  let clone: string;
  let holder: ChildProcess;
  let starting: ChildProcess | undefined;
  let printed = '';
  let environment: NodeJS.ProcessEnv;
  let forwarding = '';

  const runIn = (cwd: string, command: string, args: readonly string[], timeoutMs = 300_000): CommandResult => {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd,
      env: environment,
      encoding: 'utf8',
      timeout: timeoutMs,
    });
    return { code: status ?? 1, stdout, stderr };
  };
  const inside = (...command: string[]): string[] => [
    `--net=/proc/${holder.pid}/ns/net`,
    `--mount=/proc/${holder.pid}/ns/mnt`,
    `--wd=${clone}`,
    ...command,
  ];
  const shell = (script: string): CommandResult => runIn(clone, 'nsenter', inside('sh', '-c', script));

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
    clone = join(folder, 'nocher');
    mkdirSync(join(folder, 'home'));
    environment = {
      ...process.env,
      HOME: join(folder, 'home'),
      // The user's own settings of npm and what it has fetched already: how it reaches its registry is not tried here.
      npm_config_userconfig: join(homedir(), '.npmrc'),
      npm_config_cache: spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).stdout.trim(),
      npm_config_prefer_offline: 'true',
      PATH: `${join(checkout, 'dist/kubectl/35')}:${process.env['PATH']}`,
    };
    // jest's and npm's own are not those of a newcomer.
    for (const name of ['KUBECONFIG', 'NODE_OPTIONS', 'NODE_ENV', 'CI', 'SUDO_UID']) delete environment[name];
    holder = spawn('unshare', ['--mount', '--propagation', 'slave', '--net', 'sh', '-c', HOLDER], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      holder.stdout!.once('data', () => resolve());
      holder.once('exit', () => reject(new Error('there are no namespaces for the test')));
    });
    forwarding = readForwarding();
  });

  afterAll(async () => {
    if (starting?.exitCode === null && starting.signalCode === null) process.kill(-starting.pid!, 'SIGTERM');
    if (existsSync(join(clone, 'bin/nocher'))) shell('bin/nocher down --purge');
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.stdin!.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const readForwarding = (): string =>
    spawnSync('nsenter', [`--net=/proc/${holder.pid}/ns/net`, 'cat', '/proc/sys/net/ipv4/ip_forward'], {
      encoding: 'utf8',
    }).stdout;

  it('a clean clone installs its packages with npm ci', () => {
    expect(runIn(folder, 'git', ['clone', '-q', '--no-local', checkout, clone])).toMatchObject({ code: 0 });
    expect(readdirSync(clone)).not.toContain('dist');
    const { code, stdout, stderr } = runIn(clone, 'npm', ['ci']);
    expect({ code, errors: stderr.split('\n').filter((line) => line.startsWith('npm error')) }).toEqual({
      code: 0,
      errors: [],
    });
    expect(stdout).toMatch(/added \d+ packages/);
  }, 300_000);

  it('npm start builds what is missing and prints a URL that answers [T1]', async () => {
    starting = spawn('nsenter', inside('npm', 'start'), {
      cwd: clone,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [starting.stdout!, starting.stderr!])
      stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await eventually(
      'the start',
      () => /ready in [\s\S]*status\n/.test(printed) || starting!.exitCode !== null,
      180_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${printed}`);
    });
    expect(printed).toMatch(
      /build: schema tables\nbuild: definitions of our own kinds\nbuild: bundle\nbuild: native helper\n/,
    );
    expect(printed).toMatch(
      /ready in \d+\.\d\d s\n {2}API server {3}https:\/\/127\.0\.0\.1:6443\n {2}kubeconfig {3}\/var\/lib\/nocher\/admin\.kubeconfig\n/,
    );
    const url = /^ {2}example +(\S+)$/m.exec(printed)?.[1] ?? 'no URL';
    expect(shell(`curl -sS ${url} 2>&1`).stdout).toContain('Hello from Nocher');
  }, 200_000);

  it('every next step that it prints works', () => {
    const steps = [...printed.matchAll(/^ {2}(?:next| {4}) {9}(.*)$/gm)].map(([, step]) => step!);
    expect(steps).toEqual([
      'export KUBECONFIG=/var/lib/nocher/admin.kubeconfig; kubectl get pods -A',
      'bin/nocher kubectl -n hello set image deployment/hello hello=nocher.local/hello:2',
      'bin/nocher status',
    ]);
    const results = steps.map((step) => shell(step));
    expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(steps.map(() => ({ code: 0, stderr: '' })));
    expect(results[0]!.stdout).toMatch(/hello +hello-\w+-\w+ +1\/1 +Running/);
    expect(results[1]!.stdout).toBe('deployment.apps/hello image updated\n');
  });

  it("the user's own kubeconfig knows the cluster, too", () => {
    expect(shell('kubectl config current-context').stdout).toBe('nocher\n');
    expect(shell('kubectl -n hello rollout status deployment/hello --timeout=60s').stdout).toContain(
      'successfully rolled out',
    );
  });

  it('Ctrl-C stops it, pods too', async () => {
    const ended = new Promise((resolve) => starting!.once('close', resolve));
    process.kill(-starting!.pid!, 'SIGINT');
    await ended;
    expect(printed).toMatch(/\nstopping\n/);
    expect(processesOf(clone)).toEqual([]);
  });

  it('bin/nocher down --purge leaves nothing', () => {
    expect(shell('bin/nocher down --purge')).toEqual({
      code: 0,
      stdout: 'no cluster was running on /var/lib/nocher; its data is deleted\n',
      stderr: '',
    });
    expect(shell('ls -A /var/lib; kubectl config get-contexts -o name').stdout).toBe('');
    expect(shell("ip -o link | grep -v ' lo:'; nft list ruleset; grep /var/lib/ /proc/self/mountinfo").stdout).toBe('');
    expect(readForwarding()).toBe(forwarding);
    const names = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join('/sys/fs/cgroup', name));
    expect(['/sys/fs/cgroup', ...names].filter((path) => existsSync(join(path, CGROUP)))).toEqual([]);
  });
});

/** Named after the path of the default data folder: the first eight hex digits of its SHA-256. */
const CGROUP = 'nocher-54c64eeb';

/** Processes that run from a folder. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ');
        const isOurs = command.includes(folder) || readlinkSync(join('/proc', pid, 'exe')).startsWith(folder);
        return isOurs ? [`${pid} ${command}`] : [];
      } catch {
        // It has ended, or is a thread of the kernel.
        return [];
      }
    });
}
