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
    const echo = createSocket('udp4');
    echo.on('message', (message, client) => echo.send(`echo ${message.toString()}`, client.port, client.address));
    await new Promise<void>((resolve) => echo.bind(0, '127.0.0.1', resolve));
    const client = createSocket('udp4');
    closers.push(
      () => echo.close(),
      () => client.close(),
    );
    const ports = nodePorts();
    const port = await freePort();
    ports.update([info(port, [{ ip: '127.0.0.1', port: echo.address().port, isLocal: true }], 'udp')]);
    const answer = new Promise<string>((resolve) => client.once('message', (message) => resolve(message.toString())));
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.send('hi', port, '127.0.0.1');
    expect(await answer).toBe('echo hi');
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
