/** Tunnels through a real TLS connection to something that answers as a kubelet, also a hostile one, may. */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import type { KeyPair } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { isUpgrade, tunnelResponse } from './tunnel.ts';

let ca: KeyPair;
let serving: KeyPair;
beforeAll(async () => {
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  ca = await createCertificateAuthority({ commonName: 'test', ...issuance });
  serving = await issueCertificate({ ca, commonName: 'node', dnsNames: ['node-1'], usages: ['server'], ...issuance });
});

const servers: (Server | TlsServer)[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server | TlsServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const SPDY = ['Upgrade: SPDY/3.1', 'X-Stream-Protocol-Version: v4.channel.k8s.io', 'X-Stream-Protocol-Version: v3'];

/** Sends a request through a tunnel to a kubelet that does as `kubelet` says; gives what came back until it was closed. */
async function ask(kubelet: (socket: TLSSocket, received: () => string) => void, headers = SPDY, method = 'POST') {
  let seen = '';
  const tls = createTlsServer({ cert: serving.certificate, key: serving.privateKey }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let isAsked = false;
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      if (isAsked || !seen.includes('\r\n\r\n')) return;
      isAsked = true;
      kubelet(socket, () => seen);
    });
  });
  const port = await listen(tls);
  const credentials = { ca: ca.certificate, certificate: serving.certificate, privateKey: serving.privateKey };
  const api = createServer();
  api.on('upgrade', (request, socket, head) => {
    const { body } = tunnelResponse(credentials, { nodeName: 'node-1', host: '127.0.0.1', port }, '/exec/a/b/c?d=e');
    if (body.type === 'upgrade') body.accept(request, socket, head);
  });
  const client = connect(await listen(api), '127.0.0.1');
  sockets.add(client);
  client.on('error', () => undefined);
  let answer = '';
  client.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  const closed = new Promise<void>((resolve) => client.on('close', () => resolve()));
  client.write(`${method} /x HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\n${headers.join('\r\n')}\r\n\r\n`);
  return { client, closed, answer: () => answer, seen: () => seen };
}

describe('tunnelResponse()', () => {
  it('sends the method and what is to be negotiated on, and nothing else of the request', async () => {
    const asked = await ask(
      (socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'),
      [...SPDY, 'Authorization: Bearer secret', 'X-Forwarded-For: 1.2.3.4'],
    );
    await asked.closed;
    expect(asked.seen().trimEnd().split('\r\n')).toEqual([
      'POST /exec/a/b/c?d=e HTTP/1.1',
      expect.stringMatching(/^Host: 127\.0\.0\.1:\d+$/),
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      'x-stream-protocol-version: v4.channel.k8s.io, v3',
    ]);
  });

  it('carries bytes both ways, all of them also when the kubelet closes first', async () => {
    const asked = await ask((socket, seen) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\nhello ');
      socket.on('data', () => {
        if (seen().endsWith('go')) socket.end(Buffer.alloc(4_000_000, 'x'));
      });
    });
    asked.client.write('go');
    await asked.closed;
    const [, bytes = ''] = asked.answer().split('\r\n\r\n');
    expect([bytes.slice(0, 6), bytes.length]).toEqual(['hello ', 4_000_006]);
  });

  it('tells the end to a client that is still sending, and resets nothing', async () => {
    const asked = await ask((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      socket.once('data', () => socket.pause().end('over'));
      setTimeout(() => socket.destroy(), 100);
    });
    const errors: Error[] = [];
    asked.client.on('error', (error) => errors.push(error));
    asked.client.write(Buffer.alloc(20_000_000));
    await asked.closed;
    expect(errors).toEqual([]);
    expect(asked.answer().split('\r\n\r\n')[1]).toBe('over');
  });

  it('gives a refusal to the client and closes: nothing more of the client gets through (CVE-2018-1002105)', async () => {
    const asked = await ask((socket) => {
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n');
      setTimeout(() => socket.end('no'), 100);
    });
    asked.client.write('GET /runningpods/ HTTP/1.1\r\nHost: kubelet\r\n\r\n');
    await asked.closed;
    expect(asked.answer()).toBe('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    expect(asked.seen()).not.toContain('runningpods');
  });

  it.each([
    ['a success that is no upgrade', 'HTTP/1.1 200 OK\r\n\r\n', 'invalid upgrade response: status code 200'],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'invalid upgrade response: status code NaN'],
    ['a head without an end', 'HTTP/1.1 101 '.padEnd(20_000, 'x'), 'the backend answered with too large a head'],
    ['nothing', '', 'the backend closed the connection'],
  ])('answers 500 to %s, and closes', async (_what, text, message) => {
    const asked = await ask((socket) => (text === '' ? socket.destroy() : socket.write(text)));
    await asked.closed;
    expect(asked.answer()).toMatch(/^HTTP\/1\.1 500 /);
    expect(JSON.parse(asked.answer().split('\r\n\r\n')[1]!)).toMatchObject({
      kind: 'Status',
      message: `error dialing backend: ${message}`,
    });
  });

  it('ends with either side', async () => {
    let kubelet: TLSSocket | undefined;
    const asked = await ask((socket) => {
      kubelet = socket;
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    while (!asked.answer().includes('101')) await new Promise((resolve) => setTimeout(resolve, 5));
    const gone = new Promise((resolve) => kubelet!.on('close', resolve));
    asked.client.destroy();
    await gone;
  });
});

describe('isUpgrade()', () => {
  it.each([
    [{ connection: 'Upgrade', upgrade: 'websocket' }, true],
    [{ connection: 'keep-alive, upgrade', upgrade: 'SPDY/3.1' }, true],
    [{ connection: 'close', upgrade: 'SPDY/3.1' }, false],
    [{ connection: 'Upgrade', upgrade: 'h2c' }, false],
    [{ connection: 'Upgrade', upgrade: 'constructor' }, false],
    [{}, false],
  ])('%j is %s', (headers, expected) => {
    expect(isUpgrade(headers)).toBe(expected);
  });
});
