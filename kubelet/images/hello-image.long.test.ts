import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { buildHelloImages, helloImages, type HelloImageOptions } from './hello-image.ts';
import { createImageStore, type ImageStore } from './store.ts';

const sourceFolder = join(import.meta.dirname, '../../examples/hello');
const signal = new AbortController().signal;
const canChroot = process.geteuid?.() === 0;
let folder = '';
let store: ImageStore;
let running: ChildProcess[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'nocher-hello-'));
  store = createImageStore({ folder: join(folder, 'images'), clock: realClock, log: silentLogger });
});

afterEach(async () => {
  for (const { pid } of running) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  running = [];
  await store.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function build(server: HelloImageOptions['server'] = 'auto'): Promise<string[]> {
  return buildHelloImages({ store, sourceFolder, server, signal });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

describe('buildHelloImages()', () => {
  it('makes both versions from one layer, and makes them again only when their inputs change', async () => {
    const ids = await build();
    expect(new Set(ids).size).toBe(2);
    const [one, two] = await Promise.all(ids.map((id) => store.resolveRootfs(id)));
    expect(one?.lowerDirs).toEqual(two?.lowerDirs);
    expect([one, two].map((rootfs) => rootfs?.config.Env[1])).toEqual(['HELLO_VERSION=1', 'HELLO_VERSION=2']);
    expect((await store.status('nocher.local/hello:2'))?.id).toBe(ids[1]);
    const before = fs.statSync(one?.lowerDirs[0] ?? '').ctimeMs;
    expect(await build()).toEqual(ids);
    expect(fs.statSync(one?.lowerDirs[0] ?? '').ctimeMs).toBe(before);
    const changed = join(folder, 'hello');
    fs.cpSync(sourceFolder, changed, { recursive: true });
    fs.appendFileSync(join(changed, 'httpd.pl'), '# changed\n');
    const again = await buildHelloImages({ store, sourceFolder: changed, signal });
    expect(again).not.toEqual(ids);
    expect((await store.status('nocher.local/hello:1'))?.id).toBe(again[0]);
    expect(helloImages).toHaveLength(2);
  });

  it('gives the same layer for the same inputs', async () => {
    const [first = ''] = await build('perl');
    const other = createImageStore({ folder: join(folder, 'other'), clock: realClock, log: silentLogger });
    const [second] = await buildHelloImages({ store: other, sourceFolder, server: 'perl', signal });
    await other.close();
    expect(second).toBe(first);
  });
});

const hasCompiler = spawnSync('cc', ['--version']).status === 0;

describe.each(hasCompiler ? (['c', 'perl'] as const) : (['perl'] as const))('the web server (%s)', (server) => {
  interface Running {
    port: number;
    child: ChildProcess;
    output: () => string;
    ended: Promise<number | null>;
  }

  /** In the image's own root: this also shows that its libraries are complete. */
  async function start(): Promise<Running> {
    const [id = ''] = await build(server);
    const { lowerDirs, config } = await store.resolveRootfs(id);
    const port = await freePort();
    const environment = Object.fromEntries(
      config.Env.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
    const env = { ...environment, PORT: String(port), GREETING: 'bonjour <b>' };
    const child = spawn('/usr/sbin/chroot', [lowerDirs[0] ?? '', ...config.Entrypoint], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const early = ended.then(() => {
      if (!text.includes('listening')) throw new Error(`server ended: ${text}`);
    });
    const ready = (async (): Promise<void> => {
      while (!text.includes('listening')) await new Promise((resolve) => setTimeout(resolve, 5));
    })();
    await Promise.race([ready, early]);
    return { port, child, output: () => text, ended };
  }

  function get(
    port: number,
    path: string,
    agent?: http.Agent,
  ): Promise<{ status: number; body: string; connection: string; keepAlive: string }> {
    return new Promise((resolve, reject) => {
      const request = http.get(
        { host: '127.0.0.1', port, path, ...(agent === undefined ? { agent: false } : { agent }) },
        (response) => {
          let body = '';
          response.on('data', (chunk: Buffer) => (body += chunk.toString()));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              body,
              connection: response.headers.connection ?? '',
              keepAlive: String(response.headers['keep-alive'] ?? ''),
            }),
          );
          response.on('error', reject);
        },
      );
      request.on('error', reject);
    });
  }

  async function eventually(check: () => Promise<boolean>): Promise<void> {
    while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  const asRoot = canChroot ? it : it.skip;

  asRoot('says who answers, keeps connections, and serves while somebody waits', async () => {
    const { port, output } = await start();
    const { body } = await get(port, '/');
    expect(body).toMatch(
      /^Hello from Nocher\npod: \S+\nversion: 1\ngreeting: bonjour <b>\nmessage: -\ntoken: not set\n$/,
    );
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; i++)
      expect(await get(port, '/healthz', agent)).toMatchObject({ status: 200, body: 'ok\n', connection: 'keep-alive' });
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    agent.destroy();
    const slow = get(port, '/slow?ms=300');
    const quick = await Promise.all(Array.from({ length: 20 }, () => get(port, '/healthz')));
    expect(quick.every(({ status }) => status === 200)).toBe(true);
    expect(output()).not.toContain('/slow');
    expect((await slow).body).toBe('waited 300 ms\n');
    expect((await get(port, '/none')).status).toBe(404);
    expect(output()).toMatch(/127\.0\.0\.1 "GET \/slow\?ms=300 HTTP\/1\.1" 200 14 3\d\dms/);
  });

  asRoot('answers on every connection after SIGTERM, finishes what is in flight and exits 0', async () => {
    const { port, child, ended, output } = await start();
    const agent = new http.Agent({ keepAlive: true });
    const [early, idle] = await Promise.all([get(port, '/healthz', agent), get(port, '/healthz', agent)]);
    expect([early.keepAlive, idle.keepAlive]).toEqual(['timeout=5', 'timeout=5']);
    const slow = get(port, '/slow?ms=900');
    await new Promise((resolve) => setTimeout(resolve, 100));
    child.kill('SIGTERM');
    await eventually(async () => (await get(port, '/healthz')).status === 503);
    const late = await get(port, '/', agent);
    expect([late.status, late.connection]).toEqual([200, 'close']);
    await eventually(() =>
      get(port, '/').then(
        () => false,
        () => true,
      ),
    );
    await expect(get(port, '/')).rejects.toThrow('ECONNREFUSED');
    // A client may use a connection for as long as it was told: closing it earlier would lose what is on its way.
    const last = await get(port, '/', agent);
    expect([last.status, last.connection]).toEqual([200, 'close']);
    expect((await slow).body).toBe('waited 900 ms\n');
    expect(await ended).toBe(0);
    expect(output()).toMatch(/stopped\n$/);
    agent.destroy();
  });

  asRoot('has a shell and tools that run', async () => {
    const [id = ''] = await build(server);
    const [root = ''] = (await store.resolveRootfs(id)).lowerDirs;
    const script =
      'id -un && echo a b | tr a-z A-Z | sed s/A/x/ && tar --version | head -1 && ' +
      'ls / | sort | tr "\\n" " " && date +%Y | grep -c 20 && getent passwd hello';
    const result = spawnSync('/usr/sbin/chroot', [root, 'sh', '-c', script], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });
    expect(result.stderr).toBe('');
    expect(result.stdout).toMatch(
      /^root\nx B\ntar \(GNU tar\).*\nbin dev etc home lib lib64 mnt proc root run sbin srv sys tmp usr var 1\nhello:x:1000/,
    );
  });
});
