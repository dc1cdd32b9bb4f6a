/** The kubelet's HTTPS API over real TLS sockets on loopback, with the simulated runtime. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { WebSocket } from 'ws';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import type { KeyPair } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { RuntimeCache } from '../pods/runtime-cache.ts';
import { PodWorkers } from '../pods/pod-workers.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import { RuntimeError } from '../runtime.ts';
import type { StreamIo } from '../runtime.ts';
import { createSimulatedRuntime } from '../simulated/simulated-runtime.ts';
import type { SimulatedRuntimeService } from '../simulated/simulated-runtime.ts';
import { POD_UID, testContainer, testPod } from '../testing.ts';
import { nodeStatistics } from '../stats/node-statistics.ts';
import { createUsageReader } from '../stats/usage.ts';
import { controlFrame, dataFrame, FLAG_FIN, FRAME_TYPES, FrameReader, words } from './spdy/frames.ts';
import type { Frame } from './spdy/frames.ts';
import { HeaderDecoder, HeaderEncoder } from './spdy/header-block.ts';
import { startKubeletServer } from './server.ts';
import type { KubeletServer } from './server.ts';

let ca: KeyPair;
let serving: KeyPair;
let apiServer: KeyPair;
let stranger: KeyPair;

beforeAll(async () => {
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  ca = await createCertificateAuthority({ commonName: 'test', ...issuance });
  serving = await issueCertificate({
    ca,
    commonName: 'node',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    ...issuance,
  });
  apiServer = await issueCertificate({
    ca,
    commonName: 'kube-apiserver-kubelet-client',
    usages: ['client'],
    ...issuance,
  });
  stranger = await issueCertificate({
    ca,
    commonName: 'system:node:other',
    organizations: ['system:nodes'],
    usages: ['client'],
    ...issuance,
  });
});

describe('the kubelet server', () => {
  let server: KubeletServer;
  let runtime: SimulatedRuntimeService;
  let folder: string;
  let logPath: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubelet-server-'));
    ({ runtime } = createSimulatedRuntime({ clock: realClock, random: realRandom, podCidr: '10.244.0.0/24' }));
    logPath = join(folder, 'web', '0.log');
    await mkdir(dirname(logPath));
    await writeFile(
      logPath,
      '2026-01-02T03:04:05.000000001Z stdout F hello\n2026-01-02T03:04:06.000000001Z stdout F world\n',
    );
    const listContainers = () => Promise.resolve([testContainer('web', { id: 'c1', logPath })]);
    const cache = new RuntimeCache({
      runtime: Object.assign(runtime, { listContainers, listPodSandboxes: () => Promise.resolve([sandbox]) }),
      clock: realClock,
      log: silentLogger,
      onChange: () => undefined,
    });
    await cache.refresh();
    const workers = new PodWorkers();
    const pod = testPod();
    const status = {
      containerStatuses: [
        {
          name: 'web',
          image: '',
          imageID: '',
          ready: true,
          restartCount: 0,
          containerID: 'native://c1',
          state: { running: {} },
        },
      ],
    };
    const worker = { uid: POD_UID, pod, currentStatus: () => status } as unknown as PodWorker;
    workers.findByName = (namespace, name) => (namespace === 'default' && name === 'web-1' ? worker : undefined);
    workers.all = () => [worker];
    server = await startKubeletServer({
      tls: { ...serving, clientCa: ca.certificate },
      port: 0,
      bindAddress: '127.0.0.1',
      workers,
      cache,
      runtime,
      statistics: nodeStatistics({
        nodeName: 'node-1',
        memoryCapacityBytes: 1 << 30,
        read: createUsageReader({ runtime, cache, clock: realClock, log: silentLogger }),
        clock: realClock,
      }),
      clock: realClock,
      log: silentLogger,
    });
  });

  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const sandbox = {
    id: 's1',
    metadata: { name: 'web-1', namespace: 'default', uid: POD_UID, attempt: 0 },
    state: 'ready' as const,
    createdAtMs: 1,
    ips: ['10.244.0.5'],
    labels: {},
    annotations: {},
  };
  const tls = (client: KeyPair | undefined) => ({
    ca: ca.certificate,
    ...(client === undefined ? {} : { cert: client.certificate, key: client.privateKey }),
  });

  const get = (path: string, client: KeyPair | undefined = apiServer): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      https
        .get({ host: '127.0.0.1', port: server.port, path, agent: false, ...tls(client) }, (response) => {
          let body = '';
          response.on('data', (chunk: Buffer) => (body += chunk.toString()));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        })
        .on('error', reject);
    });

  it('lets in the API server only', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, body: 'ok' });
    expect((await get('/healthz', stranger)).status).toBe(403);
    await expect(get('/healthz', { certificate: '', privateKey: '' })).rejects.toThrow();
  });

  it('serves pods and logs, and says what is not there', async () => {
    expect(JSON.parse((await get('/pods')).body)).toMatchObject({
      kind: 'PodList',
      items: [{ kind: 'Pod', metadata: { name: 'web-1' } }],
    });
    expect(await get('/containerLogs/default/web-1/web?tailLines=1')).toEqual({ status: 200, body: 'world\n' });
    expect((await get('/containerLogs/default/web-1/web?timestamps=true')).body).toMatch(
      /^2026-01-02T03:04:05.000000001Z hello\n/,
    );
    const previous = await get('/containerLogs/default/web-1/web?previous=true');
    expect([previous.status, JSON.parse(previous.body).message]).toEqual([
      400,
      'previous terminated container "web" in pod "web-1" not found',
    ]);
    expect(JSON.parse((await get('/containerLogs/default/none/web')).body)).toMatchObject({
      reason: 'NotFound',
      message: 'pods "none" not found',
    });
    expect((await get('/containerLogs/default/web-1/web?tailLines=x')).status).toBe(400);
    expect((await get('/nothing')).status).toBe(404);
  });

  it('serves what is used', async () => {
    runtime.containerStats = () =>
      Promise.resolve([
        { id: 'c1', podSandboxId: 's1', timestampMs: 5, cpuUsageNs: 7, memoryUsageBytes: 2, memoryWorkingSetBytes: 1 },
      ]);
    const summary = await get('/stats/summary?only_cpu_and_memory=true');
    expect(JSON.parse(summary.body)).toMatchObject({
      node: { nodeName: 'node-1' },
      pods: [{ podRef: { name: 'web-1' }, containers: [{ name: 'web', cpu: { usageCoreNanoSeconds: 7 } }] }],
    });
    const line = 'container_memory_working_set_bytes{container="web",namespace="default",pod="web-1"} 1 5\n';
    expect((await get('/metrics/resource')).body).toContain(line);
    expect((await get('/metrics/cadvisor')).body).toContain('container_memory_usage_bytes{container="web",id="c1"');
    const metrics = (await get('/metrics')).body;
    expect(metrics).toContain('kubelet_running_pods 1\n');
    expect(metrics).toContain('kubelet_running_containers{container_state="running"} 1\n');
    for (const path of ['/stats/summary', '/metrics', '/metrics/resource', '/metrics/cadvisor'])
      expect((await get(path, stranger)).status).toBe(403);
  });

  interface Client {
    socket: WebSocket;
    messages: Buffer[];
    closed: Promise<number>;
    until(condition: () => boolean): Promise<void>;
  }

  /** By hand: the library's client refuses the protocol's name that kubectl sends. */
  const connect = (path: string, protocols: string[], client: KeyPair): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const headers = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        'sec-websocket-protocol': protocols.join(', '),
      };
      const request = https.get({ host: '127.0.0.1', port: server.port, path, agent: false, headers, ...tls(client) });
      request.on('error', reject);
      request.on('response', (response) => reject(new Error(`refused: ${response.statusCode}`)));
      request.on('upgrade', (response, socket, head) => {
        const webSocket = new WebSocket(null as never, undefined, {});
        Object.assign(webSocket, { _isServer: false, _protocol: response.headers['sec-websocket-protocol'] });
        (webSocket as unknown as { setSocket(socket: unknown, head: Buffer, options: object): void }).setSocket(
          socket,
          head,
          { maxPayload: 1e6 },
        );
        resolve(webSocket);
      });
    });

  const open = async (path: string, protocols: string[], client = apiServer): Promise<Client> => {
    const socket = await connect(path, protocols, client);
    const messages: Buffer[] = [];
    socket.on('message', (message: Buffer) => messages.push(message));
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    const until = async (condition: () => boolean): Promise<void> => {
      for (let i = 0; !condition(); i++) {
        if (i > 500) throw new Error(`never came: ${messages.map(String).join('|')}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    return { socket, messages, closed, until };
  };
  const channel = (client: Client, number: number): string =>
    Buffer.concat(
      client.messages.filter((message) => message[0] === number).map((message) => message.subarray(1)),
    ).toString();

  it('runs a command with its streams, and tells its exit code', async () => {
    let seen: string[] = [];
    runtime.exec = async (_id, command, io) => {
      seen = command;
      let input = '';
      for await (const chunk of io.stdin!) input += String(chunk);
      io.stdout!.write(`got ${input}`);
      io.stderr!.write('careful');
      return 3;
    };
    const client = await open('/exec/default/web-1/web?command=sh&command=-c&stdin=true&stdout=true&stderr=true', [
      'v5.channel.k8s.io',
      'v4.channel.k8s.io',
    ]);
    expect(client.socket.protocol).toBe('v5.channel.k8s.io');
    client.socket.send(Buffer.from('\x00hello'));
    client.socket.send(Buffer.from([255, 0]));
    expect(await client.closed).toBe(1000);
    expect(seen).toEqual(['sh', '-c']);
    expect([channel(client, 1), channel(client, 2)]).toEqual(['got hello', 'careful']);
    expect(JSON.parse(channel(client, 3))).toEqual({
      metadata: {},
      status: 'Failure',
      message: 'command terminated with non-zero exit code: exit status 3',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
  });

  it('tells success, and why a command could not run', async () => {
    runtime.exec = () => Promise.resolve(0);
    const good = await open('/exec/default/web-1/web?command=true&stdout=true', ['v4.channel.k8s.io']);
    await good.closed;
    expect(JSON.parse(channel(good, 3))).toEqual({ metadata: {}, status: 'Success' });
    runtime.exec = () =>
      Promise.reject(new RuntimeError('start-failed', 'exec: "nope": executable file not found in $PATH'));
    const bad = await open('/exec/default/web-1/web?command=nope&stdout=true', ['v4.channel.k8s.io']);
    await bad.closed;
    expect(JSON.parse(channel(bad, 3)).message).toBe(
      'Internal error occurred: error executing command in container: exec: "nope": executable file not found in $PATH',
    );
    const gone = await open('/exec/default/web-1/other?command=true&stdout=true', ['v4.channel.k8s.io']);
    await gone.closed;
    expect(JSON.parse(channel(gone, 3)).message).toBe(
      'Internal error occurred: unable to upgrade connection: container not found ("other")',
    );
    const detached = await open('/attach/default/web-1/other?stdout=true', ['v4.channel.k8s.io']);
    await detached.closed;
    expect(JSON.parse(channel(detached, 3)).message).toBe(
      'Internal error occurred: unable to upgrade connection: container other not found in pod web-1_default',
    );
  });

  it('passes terminal sizes on, and ends the command when the client goes', async () => {
    const sizes: unknown[] = [];
    let ended = false;
    runtime.attach = async (_id, io: StreamIo) => {
      expect(io.stderr).toBeUndefined();
      for await (const size of io.resize!) sizes.push(size);
      ended = io.signal.aborted;
    };
    const client = await open('/attach/default/web-1/web?stdin=1&stdout=1&tty=1', ['v5.channel.k8s.io']);
    client.socket.send(Buffer.from('\x04{"Width":80,"Height":24}'));
    client.socket.send(Buffer.from('\x04not a size'));
    await client.until(() => sizes.length === 1);
    client.socket.terminate();
    await client.until(() => ended);
    expect(sizes).toEqual([{ width: 80, height: 24 }]);
  });

  it('refuses strangers and unknown paths before anything is upgraded', async () => {
    await expect(open('/exec/default/web-1/web?command=sh', ['v5.channel.k8s.io'], stranger)).rejects.toThrow('403');
    await expect(open('/nothing/default/web-1', ['v5.channel.k8s.io'])).rejects.toThrow('404');
  });

  /** The port answers in upper case. */
  const shout = (): void => {
    runtime.portForward = async (_id, port, { readable, writable }) => {
      if (port !== 80) throw new Error('connect: connection refused');
      const upper = new PassThrough();
      readable.on('data', (chunk: Buffer) => upper.write(chunk.toString().toUpperCase()));
      readable.on('end', () => upper.end());
      for await (const chunk of upper) writable.write(chunk);
    };
  };

  it('forwards ports over SPDY inside the WebSocket', async () => {
    shout();
    const client = await open('/portForward/default/web-1', ['SPDY/3.1+portforward.k8s.io']);
    const spdy = await spdyClient(client);
    await spdy.openStream(1, { streamtype: 'error', port: '80', requestid: '0' }, FLAG_FIN);
    await spdy.openStream(3, { streamtype: 'data', port: '80', requestid: '0' });
    client.socket.send(controlFrame(FRAME_TYPES.ping, words(1)));
    // A frame may come in pieces.
    const frame = dataFrame(3, Buffer.from('hello'));
    client.socket.send(frame.subarray(0, 5));
    client.socket.send(frame.subarray(5));
    await client.until(() => spdy.data(3) === 'HELLO');
    client.socket.send(dataFrame(3, Buffer.alloc(0), FLAG_FIN));
    await client.until(() => spdy.isEnded(3) && spdy.isEnded(1));
    expect(spdy.control().filter((type) => type === FRAME_TYPES.synReply)).toHaveLength(2);
    expect(spdy.control()).toContain(FRAME_TYPES.ping);
    expect(spdy.data(1)).toBe('');
    client.socket.close();
  });

  it('tells on the error stream that nothing listens on a port', async () => {
    shout();
    const client = await open('/portForward/default/web-1', ['SPDY/3.1+portforward.k8s.io']);
    const spdy = await spdyClient(client);
    await spdy.openStream(1, { streamtype: 'error', port: '81', requestid: '7' }, FLAG_FIN);
    await spdy.openStream(3, { streamtype: 'data', port: '81', requestid: '7' });
    await client.until(() => spdy.isEnded(1));
    expect(spdy.data(1)).toBe('error forwarding port 81 to pod s1, uid : connect: connection refused');
    client.socket.close();
  });

  it('ends a session that does not keep to the protocol', async () => {
    const client = await open('/portForward/default/web-1', ['SPDY/3.1+portforward.k8s.io']);
    client.socket.send(Buffer.from('GET / HTTP/1.1\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxx\xff\xff\xff'));
    client.socket.send(controlFrame(FRAME_TYPES.synStream, Buffer.alloc(64, 0xff)));
    expect(await client.closed).toBe(1000);
  });

  it('forwards ports over channels', async () => {
    shout();
    const client = await open('/portForward/default/web-1?ports=80&ports=81', ['v4.channel.k8s.io']);
    client.socket.send(Buffer.from('\x00hello'));
    await client.until(() => channel(client, 0).endsWith('HELLO') && channel(client, 3).includes('refused'));
    expect(Buffer.from(channel(client, 0)).subarray(0, 2)).toEqual(Buffer.from([80, 0]));
    client.socket.close();
  });
});

/** The client's side of SPDY, as small as the test needs it. */
async function spdyClient(client: { socket: WebSocket; messages: Buffer[] }) {
  const encoder = new HeaderEncoder();
  const frames: Frame[] = [];
  const reader = new FrameReader();
  for (const message of client.messages) frames.push(...reader.push(message));
  client.socket.on('message', (message: Buffer) => frames.push(...reader.push(message)));
  return {
    async openStream(id: number, headers: Record<string, string>, flags = 0) {
      const block = await encoder.encode(new Map(Object.entries(headers)));
      client.socket.send(
        controlFrame(FRAME_TYPES.synStream, Buffer.concat([words(id, 0), Buffer.alloc(2), block]), flags),
      );
    },
    data: (id: number) =>
      Buffer.concat(
        frames.flatMap((frame) => (frame.kind === 'data' && frame.streamId === id ? [frame.payload] : [])),
      ).toString(),
    isEnded: (id: number) =>
      frames.some((frame) => frame.kind === 'data' && frame.streamId === id && frame.flags === FLAG_FIN),
    control: () => frames.flatMap((frame) => (frame.kind === 'control' ? [frame.type] : [])),
  };
}

describe('header blocks', () => {
  it('keep their state from block to block', async () => {
    const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder()];
    for (const value of ['data', 'error', 'data', 'x'.repeat(10_000)]) {
      const headers = new Map([
        ['streamtype', value],
        ['port', '80'],
      ]);
      expect(await decoder.decode(await encoder.encode(headers))).toEqual(headers);
    }
  });

  it('are bounded', async () => {
    const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder()];
    const bomb = encoder.encode(new Map([['a', 'x'.repeat(60_000)]])).then((block) => decoder.decode(block));
    expect((await bomb).get('a')).toHaveLength(60_000);
    await expect(decoder.decode(Buffer.from('no zlib data at all'))).rejects.toThrow();
  });
});
