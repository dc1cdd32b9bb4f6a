import { afterEach, describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { createHealthCheckNodePorts } from './health-check-node-port.ts';
import { createLocalhostNodePorts } from './localhost-node-port.ts';
import type { LocalhostNodePorts } from './localhost-node-port.ts';
import type { Endpoint, ServicePortInfo } from './service-map.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Reads until the client's end, then answers its name and how much it got. */
async function countingServer(name: string): Promise<Endpoint> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let count = 0;
    socket.on('data', (chunk: Buffer) => (count += chunk.length));
    socket.on('end', () => socket.end(`${name} ${count}`));
    socket.on('error', () => undefined);
  });
  return { ip: '127.0.0.1', port: await listen(server), isLocal: true };
}

function listen(server: Server): Promise<number> {
  closers.push(() => server.close());
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function exchange(port: number, bytes = 5): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    socket.on('end', () => resolve(answer));
    socket.end(Buffer.alloc(bytes));
  });
}

async function echoServer(name: string): Promise<Endpoint> {
  const socket = createSocket('udp4');
  closers.push(() => socket.close());
  socket.on('message', (message, { port, address }) => socket.send(`${name} ${message.toString()}`, port, address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { ip: '127.0.0.1', port: socket.address().port, isLocal: true };
}

/** From one port, always: what is asked until it is answered. Each question is another. */
function udpClient(port: number): (question: string) => Promise<string> {
  const socket = createSocket('udp4');
  closers.push(() => socket.close());
  return (question) =>
    new Promise((resolve) => {
      const again = setInterval(() => socket.send(question, port, '127.0.0.1'), 5);
      const onMessage = (message: Buffer): void => {
        if (!message.toString().endsWith(` ${question}`)) return;
        clearInterval(again);
        socket.off('message', onMessage);
        resolve(message.toString());
      };
      socket.on('message', onMessage);
    });
}

/** The listener needs a moment. */
async function eventually(port: number): Promise<string> {
  for (let i = 0; i < 50; i++) {
    const answer = await exchange(port);
    if (answer !== 'ECONNREFUSED') return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return 'ECONNREFUSED';
}

function info(nodePort: number, endpoints: Endpoint[], protocol: 'tcp' | 'udp' = 'tcp'): ServicePortInfo {
  return { protocol, nodePort, endpoints } as unknown as ServicePortInfo;
}

function nodePorts(warnings: string[] = []): LocalhostNodePorts {
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const ports = createLocalhostNodePorts({ clock: realClock, log });
  closers.push(() => ports.close());
  return ports;
}

describe('createLocalhostNodePorts()', () => {
  it('relays to endpoints in turn, with half-closed connections', async () => {
    const ports = nodePorts();
    const port = await freePort();
    ports.update([info(port, [await countingServer('a'), await countingServer('b')])]);
    await eventually(port);
    const answers = [await exchange(port), await exchange(port)].sort();
    expect(answers).toEqual(['a 5', 'b 5']);
  });

  it('carries more than any buffer holds', async () => {
    const ports = nodePorts();
    const port = await freePort();
    ports.update([info(port, [await countingServer('a')])]);
    await eventually(port);
    expect(await exchange(port, 5_000_000)).toBe('a 5000000');
  });

  it('goes past an endpoint that refuses', async () => {
    const ports = nodePorts();
    const port = await freePort();
    const dead = { ip: '127.0.0.1', port: await freePort(), isLocal: true };
    ports.update([info(port, [dead, await countingServer('a')])]);
    expect(await eventually(port)).toBe('a 5');
    expect(await exchange(port)).toBe('a 5');
    ports.update([info(port, [dead])]);
    expect(await exchange(port)).toBe('ECONNRESET');
  });

  it('closes with the Service', async () => {
    const ports = nodePorts();
    const port = await freePort();
    ports.update([info(port, [await countingServer('a')])]);
    await eventually(port);
    ports.update([]);
    expect(await exchange(port)).toBe('ECONNREFUSED');
  });

  it('says once that a port is in use', async () => {
    const warnings: string[] = [];
    const ports = nodePorts(warnings);
    const taken = await listen(createServer());
    const endpoint = await countingServer('a');
    for (let i = 0; i < 3; i++) {
      ports.update([info(taken, [endpoint])]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(warnings).toEqual(['a port of a Service or pod does not answer in user space']);
    ports.update([]);
  });

  it('relays UDP both ways', async () => {
    const ports = nodePorts();
    const port = await freePort();
    ports.update([info(port, [await echoServer('a')], 'udp')]);
    expect(await udpClient(port)('hi')).toBe('a hi');
  });

  it('takes a UDP client to another endpoint when its own is gone', async () => {
    const [a, b, c] = [await echoServer('a'), await echoServer('b'), await echoServer('c')];
    const ports = nodePorts();
    const port = await freePort();
    ports.update([info(port, [a], 'udp')]);
    const ask = udpClient(port);
    expect(await ask('1')).toBe('a 1');
    ports.update([info(port, [b], 'udp')]);
    expect(await ask('2')).toBe('b 2');
    // It stays while its endpoint does, wherever that stands in the list.
    ports.update([info(port, [c, { ...b }, a], 'udp')]);
    expect(await ask('3')).toBe('b 3');
    expect(await ask('4')).toBe('b 4');
  });
});

describe('createHealthCheckNodePorts()', () => {
  it('answers 200 with local endpoints, and 503 without', async () => {
    const checks = createHealthCheckNodePorts({ host: '127.0.0.1', log: silentLogger });
    closers.push(() => checks.close());
    const port = await freePort();
    const check = (localEndpoints: Endpoint[]): ServicePortInfo =>
      ({ healthCheckNodePort: port, namespace: 'default', name: 'web', localEndpoints }) as unknown as ServicePortInfo;
    checks.update([check([{ ip: '10.244.0.2', port: 80, isLocal: true }])]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const healthy = await fetch(`http://127.0.0.1:${port}/`);
    expect(healthy.status).toBe(200);
    expect(await healthy.json()).toMatchObject({ service: { namespace: 'default', name: 'web' }, localEndpoints: 1 });
    checks.update([check([])]);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(503);
    checks.update([]);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });
});
