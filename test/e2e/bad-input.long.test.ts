/** Hostile and unlucky input from outside: huge and malformed bodies, broken connections, a second start, no root, a kill. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { done, eventually, failed, isRoot, startCluster, writeFile } from './harness.ts';

const nocher = join(dirname(fileURLToPath(import.meta.url)), '../../bin/nocher');
const maps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, data: object = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none']);
});
afterAll(() => cluster?.stop());

const serverOf = (): URL => new URL(cluster.run('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}'));

describe('requests', () => {
  const post = (body: string, path = maps): CommandResult =>
    cluster.kubectl(['create', '--raw', path, '-f', '-'], { input: body });
  const replace = (body: string, path: string): CommandResult =>
    cluster.kubectl(['replace', '--raw', path, '-f', '-'], { input: body });

  afterAll(() => {
    expect(cluster.run('get', '--raw', '/readyz')).toBe('ok');
  });

  it('a body over 3 MiB', () => {
    expect(post(configMap('huge', { a: 'x'.repeat(3 << 20) })).stderr).toContain(
      'Request entity too large: limit is 3145728',
    );
    const path = writeFile(cluster.dataDir, 'huge.txt', 'x'.repeat(4 << 20));
    expect(cluster.kubectl(['create', 'configmap', 'huge', `--from-file=${path}`])).toEqual(
      failed('error: failed to create configmap: Request entity too large: limit is 3145728\n'),
    );
    expect(cluster.kubectl(['get', 'configmap', 'huge']).code).toBe(1);
  });

  it('more than a ConfigMap may hold', () => {
    const path = writeFile(cluster.dataDir, 'large.txt', 'x'.repeat((1 << 20) + 1));
    expect(cluster.kubectl(['create', 'configmap', 'large', `--from-file=${path}`]).stderr).toContain(
      'Too long: may not be more than 1048576 bytes',
    );
  });

  it.each([
    ['malformed JSON', '{"metadata":'],
    ['no object', '[1,2]'],
    ['nothing', ' '],
    ['another kind', '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}'],
    ['another version', '{"apiVersion":"v2","kind":"ConfigMap","metadata":{"name":"a"}}'],
    ['100,000-deep nesting', `{"metadata":{"name":"deep"},"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a wrong type', '{"metadata":{"name":["a"]}}'],
    ['labels that are none', '{"metadata":{"name":"a","labels":"x"}}'],
  ])('%s', (_title, body) => {
    const { code, stderr } = post(body);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error from server \(BadRequest\): /);
  });

  it('keys of prototypes', () => {
    expect(post('{"metadata":{"name":"proto"},"data":{"__proto__":"x","constructor":"y"}}').code).toBe(0);
    expect(JSON.parse(cluster.run('get', 'configmap', 'proto', '-o', 'json')).data).toEqual(
      JSON.parse('{"__proto__":"x","constructor":"y"}'),
    );
  });

  it('a stale resourceVersion', () => {
    const old = post(configMap('stale')).stdout;
    cluster.run('label', 'configmap', 'stale', 'a=b');
    expect(replace(old, `${maps}/stale`)).toEqual(
      failed(
        'Error from server (Conflict): Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again\n',
      ),
    );
  });

  it('a URL that names another object, namespace or kind', () => {
    post(configMap('named'));
    expect(replace(configMap('other'), `${maps}/named`)).toEqual(
      failed(
        'Error from server (BadRequest): the name of the object (other) does not match the name on the URL (named)\n',
      ),
    );
    expect(post('{"metadata":{"name":"a","namespace":"kube-system"}}')).toEqual(
      failed(
        'Error from server (BadRequest): the namespace of the provided object does not match the namespace sent on the request\n',
      ),
    );
    expect(post(configMap('a'), '/api/v1/namespaces/default/secrets').stderr).toContain(
      'ConfigMap in version "v1" cannot be handled as a Secret',
    );
    expect(post(configMap('a'), '/api/v1/namespaces/default/unicorns')).toEqual(
      failed('Error from server (NotFound): the server could not find the requested resource\n'),
    );
  });

  it.each([
    [
      'a field of a token request that is null',
      '/api/v1/namespaces/default/serviceaccounts/default/token',
      '{"spec":{"expirationSeconds":null}}',
      undefined,
    ],
    [
      'a field of a token request that is no number',
      '/api/v1/namespaces/default/serviceaccounts/default/token',
      '{"spec":{"expirationSeconds":"x"}}',
      /^Error from server \(BadRequest\): TokenRequest in version "v1" cannot be handled as a TokenRequest: json: cannot unmarshal string/,
    ],
  ])('%s', (_title, path, body, stderr) => {
    const result = post(body, path);
    if (stderr === undefined) expect(result.code).toBe(0);
    else expect(result.stderr).toMatch(stderr);
  });
});

describe('connections', () => {
  /** Runs a script beside the server; it gets the server's host and port. */
  const beside = (script: string): CommandResult => {
    const { hostname, port } = serverOf();
    return cluster.host(process.execPath, [
      '-e',
      `const host = ${JSON.stringify(hostname)}; const port = ${port};\n${script}`,
    ]);
  };

  it('garbage instead of TLS, and handshakes that never end', () => {
    const script = `
      const net = require('node:net');
      const tls = require('node:tls');
      let open = 200;
      const ended = () => { if (--open === 0) process.exit(0); };
      for (let i = 0; i < 100; i++) {
        const socket = net.connect(port, host, () => socket.write(Buffer.alloc(4096, i)));
        socket.on('error', () => {}).on('close', ended);
        setTimeout(() => socket.destroy(), 500);
      }
      for (let i = 0; i < 50; i++) {
        const socket = net.connect(port, host);
        socket.on('error', () => {}).on('close', ended);
        setTimeout(() => socket.destroy(), 500);
      }
      for (let i = 0; i < 50; i++) {
        const socket = tls.connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] }, () => socket.write('PRI * HTTP/9.9\\r\\n\\u0000garbage'));
        socket.on('error', () => {}).on('close', ended);
        setTimeout(() => socket.destroy(), 500);
      }`;
    expect(beside(script).code).toBe(0);
    expect(cluster.run('get', '--raw', '/readyz')).toBe('ok');
  });

  it('slow clients do not keep others waiting', () => {
    const script = `
      const tls = require('node:tls');
      const { execFileSync } = require('node:child_process');
      const sockets = Array.from({ length: 100 }, () => tls.connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }));
      for (const socket of sockets) socket.on('error', () => {});
      sockets.forEach((socket, i) => socket.on('secureConnect', () => socket.write(i % 2 ? 'GET /readyz HTTP/1.1\\r\\nHost: x\\r\\nX-Slow: ' : 'POST ${maps} HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nContent-Length: 1000000\\r\\n\\r\\n{')));
      setTimeout(() => {
        const started = Date.now();
        execFileSync(${JSON.stringify(cluster.kubectlPath())}, ['get', '--raw', '/readyz']);
        console.log(Date.now() - started);
        process.exit(0);
      }, 500);`;
    const { code, stdout } = beside(script);
    expect(code).toBe(0);
    expect(Number(stdout)).toBeLessThan(2000);
  });

  it('lets nobody in without credentials', () => {
    const base = serverOf().origin;
    const answer = (...args: string[]): Json => JSON.parse(cluster.host('curl', ['-sk', ...args]).stdout);
    expect(answer(`${base}/version`).major).toBe('1');
    expect(answer(`${base}${maps}`)).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"',
    });
    expect(answer('-H', 'Authorization: Bearer nonsense', `${base}/version`)).toMatchObject({
      code: 401,
      reason: 'Unauthorized',
      message: 'Unauthorized',
    });
    expect(
      answer('-H', 'Impersonate-User: kubernetes-admin', '-H', 'Impersonate-Group: system:masters', `${base}${maps}`),
    ).toMatchObject({ code: 403, reason: 'Forbidden' });
  });
});

describe('starting', () => {
  const up = (dataDir: string, ...flags: string[]): CommandResult =>
    cluster.host(process.execPath, [
      nocher,
      'up',
      '--data-dir',
      dataDir,
      '--runtime',
      'none',
      '--kubelet-port',
      '0',
      ...flags,
    ]);
  /** One line for the user, besides the steps of the start. */
  const complaint = ({ stderr }: CommandResult): string[] =>
    stderr.split('\n').filter((line) => line.startsWith('nocher:') || line.startsWith('    at '));
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('a second time on the same folder', () => {
    const result = up(cluster.dataDir, '--api-port', '0');
    expect(result.code).toBe(1);
    expect(complaint(result)).toEqual([
      expect.stringMatching(
        /^nocher: a cluster is already running on .* \(pid \d+\); stop it with: nocher down --data-dir /,
      ),
    ]);
    expect(cluster.run('get', '--raw', '/readyz')).toBe('ok');
  });

  it('on a port that is in use', () => {
    const { port } = serverOf();
    const result = up(join(folder, 'port'), '--api-port', port);
    expect(result.code).toBe(1);
    expect(complaint(result)).toEqual([
      `nocher: --api-port: port ${port} on 127.0.0.1 is in use; choose another, or 0 for any free one`,
    ]);
  });

  it.each([
    [['--api-port', 'x'], 'nocher: --api-port: x is not a port (0-65535)'],
    [['--storage', 'paper'], 'nocher: --storage: paper is not one of lmdb, memory, etcd'],
    [['--pod-cidr', '300.1.1.1/16'], 'nocher: --pod-cidr: 300.1.1.1/16 is not an IPv4 range such as 10.244.0.0/16'],
    [['--service-cidr', '10.0.0.0/31'], 'nocher: --service-cidr: 10.0.0.0/31 must be between /8 and /28'],
    [['--simulated-nodes', 'many'], 'nocher: --simulated-nodes: many is not a number'],
    [
      ['--node-name', 'a_b'],
      "nocher: --node-name: a_b is not a valid node name (lower case letters, digits, '-' and '.')",
    ],
  ])('with %j', (flags, expected) => {
    const result = up(join(folder, 'flags'), ...flags);
    expect(result.code).toBe(1);
    expect(complaint(result)).toEqual([expected]);
  });

  it('in a folder that cannot be', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [file, '/proc/nocher/nested']) {
      const result = up(path, '--api-port', '0');
      expect(result.code).toBe(1);
      expect(complaint(result)).toEqual([expect.stringMatching(/^nocher: the data folder .* cannot be made: /)]);
    }
  });

  it('down --purge spares what is no cluster', () => {
    const precious = join(folder, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'thesis.txt'), 'done');
    const result = cluster.host(process.execPath, [nocher, 'down', '--purge', '--data-dir', precious]);
    expect(result).toEqual(failed(`nocher: ${precious} holds no cluster: nothing was deleted\n`));
    expect(readFileSync(join(precious, 'thesis.txt'), 'utf8')).toBe('done');
  });

  (isRoot ? it : it.skip)('without root', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    chownSync(home, 65_534, 65_534);
    chmodSync(folder, 0o755);
    const args = [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      'env',
      `HOME=${home}`,
      process.execPath,
      nocher,
      'up',
      '--data-dir',
      join(home, 'data'),
      '--api-port',
      '0',
      '--kubelet-port',
      '0',
    ];
    const child = cluster.spawn('setpriv', args);
    let printed = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    try {
      await eventually('the cluster without root', () => printed.includes('ready in'), 20_000).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\n${printed}`);
        },
      );
      const nodes = cluster.host('env', [
        `KUBECONFIG=${join(home, 'data/admin.kubeconfig')}`,
        cluster.kubectlPath(),
        'get',
        '--raw',
        '/readyz',
      ]);
      expect(nodes).toEqual(done('ok'));
    } finally {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
    }
  });
});

describe('kill -9', () => {
  it('loses nothing that was acknowledged', async () => {
    const items = Array.from({ length: 3000 }, (_, i) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `survivor-${i}` },
      data: { n: String(i) },
    }));
    const path = writeFile(
      cluster.dataDir,
      'survivors.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    );
    const uid = cluster.run('get', 'namespace', 'default', '-o', 'jsonpath={.metadata.uid}');
    const creating = cluster.spawn(cluster.kubectlPath(), ['create', '-f', path, '--validate=false']);
    let printed = '';
    creating.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    // Nobody reads the errors that follow; unread, they would stop kubectl.
    creating.stderr!.resume();
    const ended = new Promise((resolve) => creating.once('exit', resolve));
    await eventually('the first objects', () => printed.split('\n').length > 150);
    await cluster.kill('SIGKILL');
    await ended;
    const acknowledged = printed
      .split('\n')
      .filter((line) => line.endsWith(' created'))
      .map((line) => line.replace(/^configmap\/| created$/g, ''));
    expect(acknowledged.length).toBeLessThan(3000);
    await cluster.restart();
    const found = new Set(cluster.run('get', 'configmap', '-o', 'jsonpath={.items[*].metadata.name}').split(' '));
    expect(acknowledged.filter((name) => !found.has(name))).toEqual([]);
    expect(cluster.run('get', 'namespace', 'default', '-o', 'jsonpath={.metadata.uid}')).toBe(uid);
    expect(cluster.kubectl(['create', 'configmap', 'afterwards'])).toEqual(done('configmap/afterwards created\n'));
  });
});
