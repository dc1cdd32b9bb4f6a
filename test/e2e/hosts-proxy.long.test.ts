/** A proxy in the environment: image pulls go through it, the cluster's own traffic never does. Needs root and busybox. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { busyboxArchive } from './busybox-image.ts';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, prepareCluster } from './harness.ts';
import { smoke } from './smoke.ts';

const here = dirname(fileURLToPath(import.meta.url));
const newest = join(here, '../node-releases/node_modules', `node-24-${process.arch}`, 'bin/node');
const suite = isRoot ? describe : describe.skip;
const DEAD = 'http://127.0.0.1:9';
const both = (name: string, value: string): Record<string, string> => ({ [name]: value, [name.toLowerCase()]: value });

let cluster: Cluster | undefined;
let started: ChildProcess[] = [];
afterEach(async () => {
  for (const child of started) child.kill();
  started = [];
  await cluster?.stop();
});

/** Starts a program of the test in the cluster's network; gives what it prints, line by line. */
function begin(command: string, args: readonly string[]): string[] {
  const child = cluster!.spawn(command, args);
  started.push(child);
  const lines: string[] = [];
  child.stdout!.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
  return lines;
}

suite('with a proxy in the environment that answers nobody', () => {
  const proxies = { ...both('HTTP_PROXY', DEAD), ...both('HTTPS_PROXY', DEAD), ...both('ALL_PROXY', DEAD) };

  it('the cluster works, and says what curl needs', async () => {
    cluster = prepareCluster(['--demo'], { environment: proxies });
    await smoke(cluster);
    expect(cluster.output()).toContain(
      '  a proxy is set in the environment; for your own programs to reach the cluster: export NO_PROXY=127.0.0.1\n',
    );
  });

  it('on an address of the network: nocher kubectl goes past it, and so does kubectl with what is printed', async () => {
    cluster = prepareCluster(['--bind-address', '192.0.2.10'], { environment: proxies });
    await cluster.restart();
    expect(cluster.kubectl(['get', 'nodes']).stderr).toContain('proxyconnect tcp');
    const further = { PATH: `${dirname(cluster.kubectlPath())}:${process.env['PATH']}` };
    const [path] = Object.entries(further).map(([name, value]) => `${name}=${value}`);
    const ours = ['env', path!, process.execPath, cluster.upArguments[0]!, 'kubectl', '--data-dir', cluster.dataDir];
    expect(cluster.host(ours[0]!, [...ours.slice(1), 'get', 'nodes'])).toMatchObject({ code: 0, stderr: '' });
    const printed = /cluster: export (\S+)$/m.exec(cluster.output())?.[1] ?? 'nothing';
    expect(printed).toBe('NO_PROXY=192.0.2.10');
    expect(cluster.host('env', [printed, cluster.kubectlPath(), 'get', 'nodes']).code).toBe(0);
  });

  (existsSync(newest) ? it : it.skip)('and Node 24 told to use it for everything', async () => {
    cluster = prepareCluster([], { environment: { ...proxies, NODE_USE_ENV_PROXY: '1' }, node: newest });
    await smoke(cluster);
  });
});

/** Tunnels to the registry whatever is asked for, and says what was. */
const PROXY = `
const http = require('http'), net = require('net');
http.createServer().on('connect', (request, client, head) => {
  console.log(request.url);
  const server = net.connect(Number(process.argv[1]), '127.0.0.1', () => {
    client.write('HTTP/1.1 200 OK\\r\\n\\r\\n');
    server.pipe(client).pipe(server);
  });
  server.on('error', () => client.destroy());
  client.on('error', () => server.destroy());
}).listen(3128, '127.0.0.1', () => console.log('listens'));`;

const needsRegistry = ['docker-registry', 'skopeo', 'openssl'].filter(
  (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
);
if (needsRegistry.length > 0) process.stderr.write(`image pulls through a proxy: needs ${needsRegistry.join(', ')}\n`);

(isRoot && needsRegistry.length === 0 ? describe : describe.skip)('with a proxy that leads to a registry', () => {
  let folder: string;
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('images are pulled through it, from a name that only it knows', async () => {
    folder = mkdtempSync(join(tmpdir(), 'nocher-proxy-'));
    const file = (name: string): string => join(folder, name);
    cluster = prepareCluster(['--insecure-registry', 'registry.example'], {
      environment: { HTTPS_PROXY: 'http://127.0.0.1:3128', NO_PROXY: 'localhost' },
    });
    const certificate = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
    ];
    const names = ['-subj', '/CN=registry.example', '-keyout', file('key.pem'), '-out', file('cert.pem')];
    expect(spawnSync('openssl', [...certificate, ...names]).status).toBe(0);
    const config = [
      'version: 0.1',
      `storage: { filesystem: { rootdirectory: ${file('registry')} } }`,
      `http: { addr: "127.0.0.1:5443", secret: test, tls: { certificate: ${file('cert.pem')}, key: ${file('key.pem')} } }`,
      'log: { level: error }',
    ];
    writeFileSync(file('config.yml'), config.join('\n'));
    writeFileSync(file('busybox.tar'), await busyboxArchive());
    begin('docker-registry', ['serve', file('config.yml')]);
    const push = ['copy', '--dest-tls-verify=false', '--insecure-policy', `oci-archive:${file('busybox.tar')}`];
    await eventually(
      'the image is pushed',
      () => cluster!.host('skopeo', [...push, 'docker://127.0.0.1:5443/team/busybox:1']).code === 0,
    );
    const asked = begin(process.execPath, ['-e', PROXY, '5443']);
    await eventually('the proxy listens', () => asked.includes('listens'));
    await cluster.restart();
    cluster.run('run', 'pulled', '--image=registry.example/team/busybox:1', '--command', '--', 'sleep', 'infinity');
    cluster.run('wait', '--for=condition=Ready', 'pod/pulled', '--timeout=30s');
    await eventually('the proxy was asked', () => asked.length > 1);
    expect(new Set(asked)).toEqual(new Set(['listens', 'registry.example:443']));
  });
});
