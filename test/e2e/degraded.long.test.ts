/** What lacks on a machine is named in one line, and what does not need it works. Needs root, to take things away. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const nocher = join(root, 'bin/nocher');
const HELPER = join(root, 'dist/native/nocher-native');
const suite = isRoot ? describe : describe.skip;

/** Lines of a start that are remarks on the machine. */
const notes = (output: string): string[] =>
  output
    .split('\n')
    .filter(
      (line) =>
        line.startsWith('  ') &&
        !/^ {2}(API server|kubeconfig|example|next| {4})/.test(line) &&
        !line.includes('CAP_SYS_RESOURCE'),
    );

const statusOf = (cluster: Cluster): Json =>
  JSON.parse(cluster.host(process.execPath, [nocher, 'status', '-o', 'json', '--data-dir', cluster.dataDir]).stdout);

function podNames(cluster: Cluster, url: string, count: number): Set<string> {
  return new Set(
    Array.from(
      { length: count },
      () => /^pod: (.*)$/m.exec(cluster.host('curl', ['-s', '--max-time', '5', url]).stdout)?.[1] ?? 'no answer',
    ),
  );
}

suite('without nft', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster(['--demo'], { hidden: ['/usr/sbin/nft'] });
  });
  afterAll(() => cluster?.stop());

  it('says so in one line, and serves Services in user space', () => {
    expect(notes(cluster.output())).toEqual([
      '  nft is missing (apt-get install nftables): Services work more slowly, in user space, and pods reach nothing outside this machine',
    ]);
    expect(statusOf(cluster).components).toContainEqual({
      name: 'proxy',
      healthy: true,
      detail: 'in user space (no nftables)',
    });
    expect(cluster.host('nft', ['list', 'tables']).stdout).toBe('');
  });

  it('node ports and ClusterIPs reach every ready pod in turn', () => {
    const { spec } = JSON.parse(cluster.run('-n', 'hello', 'get', 'service', 'hello', '-o', 'json'));
    const pods = new Set<string>(
      cluster.run('-n', 'hello', 'get', 'pods', '-o', 'jsonpath={.items[*].metadata.name}').split(' '),
    );
    const { nodePort, port } = spec.ports[0];
    for (const url of [
      `http://127.0.0.1:${nodePort}`,
      `http://192.0.2.10:${nodePort}`,
      `http://${spec.clusterIP}:${port}`,
    ]) {
      expect(podNames(cluster, url, 6)).toEqual(pods);
    }
  });

  it('pods find Services by name, and the API by its address', () => {
    const inPod = (command: string): CommandResult =>
      cluster.kubectl(['-n', 'hello', 'exec', 'deployment/hello', '--', 'sh', '-c', command]);
    expect(inPod('getent hosts hello').stdout).toMatch(/ hello\.hello\.svc\.cluster\.local\n$/);
    expect(inPod('getent hosts kubernetes.default').stdout).toMatch(/^10\.96\.0\.1 /);
    // A connection is opened: nothing is sent, and nothing is refused.
    expect(
      cluster.host('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', 'https://10.96.0.1/version']).stdout,
    ).toBe('200');
  });

  it('a Service that is deleted answers no more, and one that is made does', async () => {
    const { spec } = JSON.parse(cluster.run('-n', 'hello', 'get', 'service', 'hello', '-o', 'json'));
    cluster.run('-n', 'hello', 'delete', 'service', 'hello');
    const answers = (url: string): boolean => cluster.host('curl', ['-s', '--max-time', '2', url]).code === 0;
    await eventually('the node port is closed', () => !answers(`http://127.0.0.1:${spec.ports[0].nodePort}`));
    cluster.run('-n', 'hello', 'expose', 'deployment/hello', '--name=again', '--port=8000', '--target-port=8080');
    const ip = cluster.run('-n', 'hello', 'get', 'service', 'again', '-o', 'jsonpath={.spec.clusterIP}');
    await eventually('the new Service answers', () => answers(`http://${ip}:8000`));
  });

  it('leaves nothing behind', async () => {
    await cluster.kill('SIGTERM');
    expect(cluster.host('ip', ['-o', 'link']).stdout).not.toMatch(/nocher-|veth[0-9a-f]{10}/);
    expect(cluster.host('ip', ['-o', 'address']).stdout).not.toContain('10.96.');
  });
});

suite('without the helper that runs pods', () => {
  const REASON =
    'the helper that runs them is not built; install a C compiler and make (apt-get install gcc libc6-dev make), then: npm run build';

  it('says so in one line, and pods only pretend to run', async () => {
    const cluster = await startCluster(['--demo'], { hidden: [HELPER] });
    try {
      expect(notes(cluster.output())).toEqual([
        `  pods only pretend to run, and Services and DNS do not answer: ${REASON}`,
      ]);
      // There is nothing at that URL.
      expect(cluster.output()).not.toMatch(/^ {2}example/m);
      expect(cluster.run('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=30s')).toContain(
        'successfully rolled out',
      );
      expect(cluster.run('get', 'nodes', '-o', 'jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}')).toBe(
        'simulated://1.0.0',
      );
      expect(statusOf(cluster).healthy).toBe(true);
    } finally {
      await cluster.stop();
    }
  });

  it('refuses real pods in one line', async () => {
    await expect(startCluster(['--runtime', 'native'], { hidden: [HELPER] })).rejects.toThrow(
      `nocher: --runtime native: ${REASON}\n`,
    );
  });
});

suite('a data folder', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('with a path longer than sockets and mounts take', async () => {
    const cluster = await startCluster(['--demo'], { dataDirSuffix: 'long'.repeat(50) });
    try {
      expect(cluster.dataDir.length).toBeGreaterThan(200);
      expect(cluster.run('-n', 'hello', 'exec', 'deployment/hello', '--', 'echo', 'hi')).toBe('hi\n');
      expect(cluster.run('-n', 'hello', 'logs', 'deployment/hello')).toContain('listening');
      expect(statusOf(cluster).healthy).toBe(true);
      expect(cluster.host(process.execPath, [nocher, 'image', 'ls', '--data-dir', cluster.dataDir]).stdout).toContain(
        'nocher.local/hello:1',
      );
    } finally {
      await cluster.stop();
    }
  });

  it.each([
    ['on a disk without room for anything', 'size=64k'],
    ['on a disk without room for the database', 'size=2m'],
    ['on a disk that is read-only', 'ro'],
  ])('%s', async (_title, options) => {
    const mounted = join(folder, options.replace('=', ''));
    mkdirSync(mounted);
    const script = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"';
    const args = [
      process.execPath,
      nocher,
      'up',
      '--runtime',
      'none',
      '--data-dir',
      join(mounted, 'data'),
      '--api-port',
      '0',
      '--kubelet-port',
      '0',
    ];
    const { code, stderr } = await run('unshare', [
      '--mount',
      '--propagation',
      'slave',
      '--net',
      'sh',
      '-c',
      script,
      'sh',
      options,
      mounted,
      ...args,
    ]);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(stderr.split('\n').filter((line) => line.startsWith('nocher:'))).toEqual([
      expect.stringMatching(
        /^nocher: (the disk is full \(|the data folder .* cannot be made: EROFS: read-only file system)/,
      ),
    ]);
  });
});

describe('two starts at the same time on one folder', () => {
  it('one goes on, the other says why it does not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
    const args = [
      nocher,
      'up',
      '--runtime',
      'none',
      '--storage',
      'memory',
      '--data-dir',
      folder,
      '--api-port',
      '0',
      '--kubelet-port',
      '0',
    ];
    const children = [1, 2, 3].map(() =>
      spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: folder } }),
    );
    const printed = children.map(() => '');
    children.forEach((child, i) => {
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (printed[i] += chunk.toString()));
    });
    const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    try {
      await eventually(
        'one is ready and two have ended',
        () =>
          printed.filter((text) => text.includes('ready in')).length === 1 &&
          children.filter(({ exitCode }) => exitCode === 1).length === 2,
      );
      expect(
        printed.filter((text) =>
          /^nocher: (a cluster is already running|another cluster is being started) on /.test(text),
        ).length,
      ).toBe(2);
    } finally {
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(ended);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('an old Node', () => {
  it.each(['bin/nocher.mjs', 'bin/start.mjs', 'bin/test.mjs'])('is refused in one line by %s', async (file) => {
    const script = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } }); import(${JSON.stringify(join(root, file))})`;
    expect(await run(process.execPath, ['-e', script])).toEqual({
      code: 1,
      stdout: '',
      stderr: `nocher: Node 20 or later is needed; this is 18.20.8 (${process.execPath})\n`,
    });
  });
});

function run(command: string, args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const result = { code: 1, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (result.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (result.stderr += chunk.toString()));
    child.once('close', (code) => resolve({ ...result, code: code ?? 1 }));
  });
}
