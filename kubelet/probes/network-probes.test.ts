/** HTTP, TCP and gRPC probes against servers on loopback. */
import { afterEach, describe, expect, it } from '@jest/globals';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { testContainer, testPod } from '../testing.ts';
import { RuntimeError } from '../runtime.ts';
import type { RuntimeService } from '../runtime.ts';
import { probeGrpc } from './grpc-probe.ts';
import { probeHttp } from './http-probe.ts';
import { createProber } from './prober.ts';
import { probeTcp } from './tcp-probe.ts';

const servers: { close(): unknown; closeAllConnections?(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});

async function listen(server: net.Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('probeHttp()', () => {
  const probe = (port: number, path = '/', timeoutMs = 1_000, headers: { name: string; value: string }[] = []) =>
    probeHttp({
      scheme: 'http',
      host: '127.0.0.1',
      port,
      path,
      headers,
      timeoutMs,
      signal: new AbortController().signal,
    });

  it('takes 200 to 399 for success, and says what else it got', async () => {
    const port = await listen(
      http.createServer((request, response) => response.writeHead(Number(request.url!.slice(1))).end('body')),
    );
    expect(await probe(port, '/200')).toEqual({ result: 'success', output: 'body' });
    expect(await probe(port, '/304')).toMatchObject({ result: 'success' });
    expect(await probe(port, '/404')).toEqual({ result: 'failure', output: 'HTTP probe failed with statuscode: 404' });
    expect(await probe(port, '500')).toEqual({ result: 'failure', output: 'HTTP probe failed with statuscode: 500' });
  });

  it('says who it is, and sends the headers of the probe', async () => {
    const port = await listen(http.createServer((request, response) => response.end(JSON.stringify(request.headers))));
    const headers = [
      { name: 'Host', value: 'shop.example.com' },
      { name: 'X-Check', value: '1' },
    ];
    expect(JSON.parse((await probe(port, '/', 1_000, headers)).output)).toMatchObject({
      host: 'shop.example.com',
      'x-check': '1',
      'user-agent': 'kube-probe/1.36',
      accept: '*/*',
    });
  });

  it('follows redirects on the same host, but not to another', async () => {
    const port = await listen(
      http.createServer((request, response) => {
        if (request.url === '/away') response.writeHead(302, { location: 'http://192.0.2.1/' }).end();
        else if (request.url === '/here') response.writeHead(302, { location: '/bad' }).end();
        else response.writeHead(500).end();
      }),
    );
    expect(await probe(port, '/here')).toMatchObject({
      result: 'failure',
      output: 'HTTP probe failed with statuscode: 500',
    });
    expect(await probe(port, '/away')).toMatchObject({ result: 'success' });
  });

  it('fails in Go’s words', async () => {
    const closed = await freePort();
    expect(await probe(closed)).toEqual({
      result: 'failure',
      output: `Get "http://127.0.0.1:${closed}/": dial tcp 127.0.0.1:${closed}: connect: connection refused`,
    });
    const silent = await listen(http.createServer(() => undefined));
    expect(await probe(silent, '/slow', 50)).toEqual({
      result: 'failure',
      output: `Get "http://127.0.0.1:${silent}/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    });
  });
});

describe('probeTcp()', () => {
  it('succeeds when a connection opens', async () => {
    const port = await listen(net.createServer((socket) => socket.end()));
    expect(await probeTcp({ host: '127.0.0.1', port, timeoutMs: 1_000 })).toEqual({ result: 'success', output: '' });
    const closed = await freePort();
    expect(await probeTcp({ host: '127.0.0.1', port: closed, timeoutMs: 1_000 })).toEqual({
      result: 'failure',
      output: `dial tcp 127.0.0.1:${closed}: connect: connection refused`,
    });
  });
});

describe('probeGrpc()', () => {
  const serve = (status: number, grpcStatus = '0', grpcMessage = '') => {
    const server = http2.createServer();
    server.on('stream', (stream, headers) => {
      const serving = headers[':path'] === '/grpc.health.v1.Health/Check' ? status : 3;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      const trailers = { 'grpc-status': grpcStatus, 'grpc-message': grpcMessage };
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, serving]));
    });
    return listen(server as unknown as net.Server);
  };
  const probe = async (port: number, timeoutMs = 1_000) =>
    probeGrpc({ host: '127.0.0.1', port, service: 'db', timeoutMs });

  it('succeeds only for SERVING', async () => {
    expect(await probe(await serve(1))).toEqual({ result: 'success', output: '' });
    expect(await probe(await serve(2))).toEqual({
      result: 'failure',
      output: 'service unhealthy (responded with "NOT_SERVING")',
    });
    expect(await probe(await serve(0, '12'))).toMatchObject({
      result: 'failure',
      output: expect.stringContaining('does not implement the grpc health protocol'),
    });
    expect(await probe(await freePort())).toMatchObject({ result: 'failure' });
  });

  it.each([
    ['100% broken', '100% broken'],
    ['%e4%bd%a0 %zz%2', '你 %zz%2'],
  ])('decodes what it can of the message %j', async (sent, told) => {
    const output = `error: health rpc probe failed: ${told}`;
    expect(await probe(await serve(0, '2', sent))).toEqual({ result: 'failure', output });
  });

  it('ends in time though the server never stops sending', async () => {
    const server = http2.createServer();
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      const send = (): void => {
        if (!stream.destroyed) stream.write(Buffer.alloc(64), () => setImmediate(send));
      };
      send();
    });
    const output = 'timeout: health rpc did not complete within 0.1s';
    expect(await probe(await listen(server as unknown as net.Server), 100)).toEqual({ result: 'failure', output });
    const silent = await listen(net.createServer((socket) => socket.resume()));
    expect((await probe(silent, 50)).output).toContain('timeout: failed to connect service');
  });
});

describe('createProber()', () => {
  const execSync: RuntimeService['execSync'] = (_id, [command]) => {
    if (command === 'slow') return Promise.reject(new RuntimeError('deadline-exceeded', 'too slow'));
    if (command === 'lost') return Promise.reject(new RuntimeError('unavailable', 'no runtime'));
    return Promise.resolve({
      exitCode: command === 'true' ? 0 : 1,
      stdout: Buffer.from('out '),
      stderr: Buffer.from('err'),
    });
  };
  const probe = createProber({ execSync } as RuntimeService);
  const ports = [{ name: 'http', containerPort: 1 }];
  const pod = testPod({ containers: [{ name: 'web', image: 'nginx', ports }] });
  const target = {
    pod,
    container: pod.spec.containers[0]!,
    containerId: testContainer('web').id,
    podIp: '127.0.0.1',
    signal: new AbortController().signal,
  };

  it('runs commands', async () => {
    expect(await probe({ exec: { command: ['true'] } }, target)).toEqual({ result: 'success', output: 'out err' });
    expect(await probe({ exec: { command: ['false'] } }, target)).toEqual({ result: 'failure', output: 'out err' });
    expect(await probe({ exec: { command: ['slow'] }, timeoutSeconds: 2 }, target)).toMatchObject({
      result: 'failure',
      output: 'command timed out: "slow" timed out after 2s',
    });
    expect(await probe({ exec: { command: ['lost'] } }, target)).toEqual({ result: 'error', output: 'no runtime' });
  });

  it('finds ports by name', async () => {
    expect(await probe({ tcpSocket: { port: 'http' } }, target)).toMatchObject({
      result: 'failure',
      output: 'dial tcp 127.0.0.1:1: connect: connection refused',
    });
    expect(await probe({ tcpSocket: { port: 'nope' } }, target)).toEqual({
      result: 'error',
      output: 'port nope not found',
    });
  });
});
