/** Exec, attach and port-forward over SPDY/3.1 on a real connection, with the simulated runtime. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import { PodWorkers } from '../pods/pod-workers.ts';
import { RuntimeCache } from '../pods/runtime-cache.ts';
import type { StreamIo } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import type { SimulatedRuntimeService } from '../simulated/simulated-runtime.ts';
import { createSimulatedRuntime } from '../simulated/simulated-runtime.ts';
import { POD_UID, testContainer, testPod } from '../testing.ts';
import type { Frame } from './spdy/frames.ts';
import { controlFrame, dataFrame, FLAG_FIN, FRAME_TYPES, FrameReader, words } from './spdy/frames.ts';
import { HeaderEncoder } from './spdy/header-block.ts';
import { createUpgradeServer } from './upgrades.ts';

let runtime: SimulatedRuntimeService;
let server: Server;
const sockets = new Set<Socket>();

const sandbox = {
  id: 's1',
  metadata: { name: 'web-1', namespace: 'default', uid: POD_UID, attempt: 0 },
  state: 'ready' as const,
  createdAtMs: 1,
  ips: ['10.244.0.5'],
  labels: {},
  annotations: {},
};

beforeEach(async () => {
  ({ runtime } = createSimulatedRuntime({ clock: realClock, random: realRandom, podCidr: '10.244.0.0/24' }));
  const cache = new RuntimeCache({
    runtime: Object.assign(runtime, {
      listContainers: () => Promise.resolve([testContainer('web', { id: 'c1' })]),
      listPodSandboxes: () => Promise.resolve([sandbox]),
    }),
    clock: realClock,
    log: silentLogger,
    onChange: () => undefined,
  });
  await cache.refresh();
  const workers = new PodWorkers();
  const worker = { uid: POD_UID, pod: testPod() } as unknown as PodWorker;
  workers.findByName = (_namespace, name) => (name === 'web-1' ? worker : undefined);
  server = createServer();
  server.on('upgrade', createUpgradeServer({ workers, cache, runtime, clock: realClock, log: silentLogger }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
});

/** The client's side, as small as the tests need it. */
class Client {
  readonly #socket: Socket;
  readonly #encoder = new HeaderEncoder();
  readonly #reader = new FrameReader();
  readonly frames: Frame[] = [];
  readonly closed: Promise<void>;
  #received = Buffer.alloc(0);
  #head: string | undefined;

  constructor(path: string, protocols: readonly string[]) {
    this.#socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.add(this.#socket);
    this.#socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.#socket.on('close', () => resolve()));
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    const headers = protocols.map((protocol) => `X-Stream-Protocol-Version: ${protocol}\r\n`).join('');
    this.#socket.write(
      `POST ${path} HTTP/1.1\r\nHost: kubelet\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${headers}Content-Length: 0\r\n\r\n`,
    );
  }

  #take(chunk: Buffer): void {
    if (this.#head !== undefined) {
      this.frames.push(...this.#reader.push(chunk));
      return;
    }
    this.#received = Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    this.#head = this.#received.toString('latin1', 0, end);
    const rest = this.#received.subarray(end + 4);
    if (this.#head.includes(' 101 ')) this.frames.push(...this.#reader.push(rest));
  }

  async until(condition: () => boolean): Promise<void> {
    for (let i = 0; !condition(); i++) {
      if (i > 1000) throw new Error(`never came: ${this.#head} ${this.#received.toString('latin1')}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async head(): Promise<string> {
    await this.until(() => this.#head !== undefined);
    return this.#head!;
  }

  /** The whole answer, once the connection is closed. */
  async refusal(): Promise<{ head: string; body: string }> {
    await this.closed;
    const [head = '', body = ''] = this.#received.toString().split('\r\n\r\n');
    return { head, body };
  }

  async open(id: number, headers: Record<string, string>): Promise<void> {
    const block = await this.#encoder.encode(new Map(Object.entries(headers)));
    this.send(controlFrame(FRAME_TYPES.synStream, Buffer.concat([words(id, 0), Buffer.alloc(2), block])));
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  data(id: number): string {
    const parts = this.frames.flatMap((frame) =>
      frame.kind === 'data' && frame.streamId === id ? [frame.payload] : [],
    );
    return Buffer.concat(parts).toString();
  }

  isEnded(id: number): boolean {
    return this.frames.some((frame) => frame.kind === 'data' && frame.streamId === id && frame.flags === FLAG_FIN);
  }

  control(type: number): number[] {
    return this.frames.flatMap((frame) =>
      frame.kind === 'control' && frame.type === type ? [frame.payload.readUInt32BE(0)] : [],
    );
  }
}

const V4 = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const EXEC = '/exec/default/web-1/web?command=sh&stdin=true&stdout=true&stderr=true';

async function openAll(client: Client, ...types: string[]): Promise<void> {
  await client.head();
  for (const [i, streamType] of types.entries()) await client.open(2 * i + 1, { streamType });
}

describe('the handshake', () => {
  it.each([
    [V4, 'v4.channel.k8s.io'],
    [['v9', 'v3.channel.k8s.io, v2.channel.k8s.io'], 'v3.channel.k8s.io'],
    [[], 'channel.k8s.io'],
  ])('%j agrees on %s', async (offered, protocol) => {
    const head = await new Client(EXEC, offered).head();
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      `X-Stream-Protocol-Version: ${protocol}`,
    ]);
  });

  it('refuses with 403 when there is none, says which there are, and closes', async () => {
    const { head, body } = await new Client(EXEC, ['v9', 'v8']).refusal();
    expect(head).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(head.match(/^X-Accepted-Stream-Protocol-Versions: .*$/gm)).toEqual(
      V4.map((protocol) => `X-Accepted-Stream-Protocol-Versions: ${protocol}`),
    );
    expect(body).toBe(
      `unable to upgrade: unable to negotiate protocol: client supports [v9 v8], server accepts [${V4.join(' ')}]`,
    );
    const forward = await new Client('/portForward/default/web-1', ['v9']).refusal();
    expect(forward.body).toMatch(/client supports \[v9\], server accepts \[portforward\.k8s\.io\]$/);
  });

  it.each([
    ['/exec/default/web-1/other?command=sh&stdout=true', 'container not found ("other")'],
    ['/attach/default/web-1/other?stdout=true', 'container other not found in pod web-1_default'],
    ['/exec/default/none/web?command=sh&stdout=true', 'pods "none" not found'],
    ['/portForward/default/none', 'pods "none" not found'],
  ])('%s is refused before anything is upgraded, and closed', async (path, text) => {
    const { head, body } = await new Client(path, path.startsWith('/portF') ? ['portforward.k8s.io'] : V4).refusal();
    expect(head).toMatch(/^HTTP\/1\.1 4\d\d .*Connection: close/s);
    expect(body).toBe(text);
  });
});

describe('a command', () => {
  it('gets its streams; its exit code comes last', async () => {
    runtime.exec = async (_id, _command, { stdin, stdout, stderr }) => {
      let input = '';
      for await (const chunk of stdin!) input += String(chunk);
      stdout!.write(`got ${input}`);
      stderr!.write('careful');
      return 3;
    };
    const client = new Client(EXEC, V4);
    await openAll(client, 'error', 'stdin', 'stdout', 'stderr');
    client.send(dataFrame(3, Buffer.from('hello')));
    client.send(dataFrame(3, Buffer.alloc(0), FLAG_FIN));
    await client.closed;
    expect([client.data(5), client.data(7)]).toEqual(['got hello', 'careful']);
    expect(JSON.parse(client.data(1))).toEqual({
      metadata: {},
      status: 'Failure',
      message: 'command terminated with non-zero exit code: exit status 3',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
    expect([1, 3, 5, 7].filter((id) => !client.isEnded(id))).toEqual([]);
    const ends = client.frames.flatMap((frame) =>
      frame.kind === 'data' && frame.flags === FLAG_FIN ? [frame.streamId] : [],
    );
    expect(ends.indexOf(1)).toBeGreaterThan(Math.max(ends.indexOf(5), ends.indexOf(7)));
  });

  it.each([
    ['v4.channel.k8s.io', 0, '{"metadata":{},"status":"Success"}'],
    ['v2.channel.k8s.io', 0, ''],
    ['v2.channel.k8s.io', 3, 'command terminated with non-zero exit code: exit status 3'],
    ['channel.k8s.io', 3, 'command terminated with non-zero exit code: exit status 3'],
  ])('%s tells exit code %d as %j', async (protocol, code, text) => {
    runtime.exec = () => Promise.resolve(code);
    const client = new Client('/exec/default/web-1/web?command=sh&stdout=true', [protocol]);
    await openAll(client, 'error', 'stdout');
    await client.closed;
    expect(client.data(1)).toBe(text);
  });

  it('that cannot run says why', async () => {
    runtime.exec = () =>
      Promise.reject(new RuntimeError('start-failed', 'exec: "sh": executable file not found in $PATH'));
    const client = new Client('/exec/default/web-1/web?command=sh&stdout=true', V4);
    await openAll(client, 'error', 'stdout');
    await client.closed;
    expect(JSON.parse(client.data(1))).toMatchObject({
      message:
        'Internal error occurred: error executing command in container: exec: "sh": executable file not found in $PATH',
    });
  });

  it('sends all of a large output to a client that still writes', async () => {
    runtime.exec = async (_id, _command, { stdout }) => {
      for (let i = 0; i < 64; i++)
        if (!stdout!.write(Buffer.alloc(65_536, 'x'))) await new Promise((resolve) => stdout!.once('drain', resolve));
      return 0;
    };
    const client = new Client('/exec/default/web-1/web?command=sh&stdin=true&stdout=true', V4);
    await openAll(client, 'error', 'stdin', 'stdout');
    for (let i = 0; i < 64; i++) client.send(dataFrame(3, Buffer.alloc(65_536)));
    await client.closed;
    expect(client.data(5)).toHaveLength(64 * 65_536);
    expect(JSON.parse(client.data(1))).toMatchObject({ status: 'Success' });
  });

  it('waits for its streams; one that it did not ask for, or has, is reset', async () => {
    runtime.exec = () => Promise.resolve(0);
    const client = new Client('/exec/default/web-1/web?command=sh&stdout=true', V4);
    await openAll(client, 'stdin', 'nonsense', 'error', 'error', 'stdout');
    await client.closed;
    expect(client.control(FRAME_TYPES.rstStream)).toEqual([1, 3, 7]);
    expect(client.data(5)).toBe('{"metadata":{},"status":"Success"}');
  });

  it('gets the sizes of its terminal, and ends when the client goes', async () => {
    const sizes: unknown[] = [];
    let io: StreamIo | undefined;
    let inputEnded = false;
    runtime.attach = async (_id, given) => {
      io = given;
      given.stdin!.on('end', () => (inputEnded = true)).resume();
      for await (const size of given.resize!) sizes.push(size);
    };
    const client = new Client('/attach/default/web-1/web?stdin=1&stdout=1&stderr=1&tty=1', V4);
    await openAll(client, 'error', 'stdin', 'stdout', 'resize');
    client.send(dataFrame(7, Buffer.from('{"Width":80,"Height":24}\n{"Wid')));
    await client.until(() => sizes.length === 1);
    client.send(dataFrame(7, Buffer.from('th":90,"Height":25}\n')));
    await client.until(() => sizes.length === 2);
    expect(sizes).toEqual([
      { width: 80, height: 24 },
      { width: 90, height: 25 },
    ]);
    expect(io!.stderr).toBeUndefined();
    client.destroy();
    await client.until(() => io!.signal.aborted && inputEnded);
  });

  it('knows no sizes in the oldest protocols', async () => {
    runtime.exec = () => Promise.resolve(0);
    const client = new Client('/exec/default/web-1/web?command=sh&stdout=1&tty=1', ['v2.channel.k8s.io']);
    await openAll(client, 'error', 'stdout');
    await client.closed;
    expect(client.isEnded(1)).toBe(true);
  });

  it('never runs for a client that breaks the protocol', async () => {
    let ran = false;
    runtime.exec = () => {
      ran = true;
      return Promise.resolve(0);
    };
    const client = new Client('/exec/default/web-1/web?command=sh&stdout=true', V4);
    await openAll(client, 'error');
    client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n\xff\xff\xff', 'latin1'));
    await client.closed;
    expect([ran, client.control(FRAME_TYPES.goAway)]).toEqual([false, [1]]);
  });
});

describe('port-forward', () => {
  it('joins pairs of streams with ports, several at once', async () => {
    runtime.portForward = async (_id, port, { readable, writable }) => {
      if (port !== 80) throw new Error('connect: connection refused');
      for await (const chunk of readable.iterator({ destroyOnReturn: false }))
        writable.write(String(chunk).toUpperCase());
    };
    const client = new Client('/portForward/default/web-1', ['portforward.k8s.io']);
    await client.head();
    for (const [i, port] of ['80', '80', '81'].entries()) {
      const headers = { port, requestID: String(i) };
      await client.open(4 * i + 1, { streamType: 'error', ...headers });
      client.send(dataFrame(4 * i + 1, Buffer.alloc(0), FLAG_FIN));
      await client.open(4 * i + 3, { streamType: 'data', ...headers });
    }
    client.send(dataFrame(7, Buffer.from('second')));
    client.send(dataFrame(3, Buffer.from('first')));
    await client.until(() => client.data(3) === 'FIRST' && client.data(7) === 'SECOND' && client.isEnded(9));
    expect(client.data(9)).toBe('error forwarding port 81 to pod s1, uid : connect: connection refused');
    expect(client.isEnded(3)).toBe(false);
    client.send(dataFrame(3, Buffer.alloc(0), FLAG_FIN));
    await client.until(() => client.isEnded(3) && client.isEnded(1));
    expect(client.data(1)).toBe('');
    client.destroy();
  });
});
