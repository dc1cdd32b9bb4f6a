/** What one client may ask of the API port: floods of frames, headers without end, bodies that never come. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { ApiError } from '../../api/machinery/errors.ts';
import type { Handler } from '../../api/machinery/handler.ts';
import { silentLogger } from '../../base/log.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import { errorResponse, textResponse } from '../responses.ts';
import { createHttpServer } from './http-server.ts';
import type { HttpLimits, HttpServer } from './http-server.ts';
import { exchange } from './testing.ts';
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';

const HEADERS = 0x1;
const RST_STREAM = 0x3;
const SETTINGS = 0x4;
const GOAWAY = 0x7;
const CONTINUATION = 0x9;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ENHANCE_YOUR_CALM = 11;
/** GET / of https, by HPACK's table. */
const GET = Buffer.from([0x82, 0x87, 0x84, 0x41, 0x01, 0x78]);

function frame(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
const ca = await createCertificateAuthority({ commonName: 'test', ...issuance });
const leaf = await issueCertificate({
  ca,
  commonName: 'server',
  ipAddresses: ['127.0.0.1'],
  usages: ['server'],
  ...issuance,
});

let server: HttpServer | undefined;
let port = 0;
const open: { destroy(): void }[] = [];

async function listen(limits: Partial<HttpLimits> = {}, handler: Handler = answerOk): Promise<void> {
  server = createHttpServer({
    handler,
    certificate: leaf.certificate,
    key: leaf.privateKey,
    clientCa: ca.certificate,
    log: silentLogger,
    limits,
  });
  ({ port } = await server.listen(0, '127.0.0.1'));
}

/** Takes the body, as the chain does for whoever may send one. */
const answerOk: Handler = async (request) => {
  try {
    await request.receiveBody?.();
  } catch (error) {
    return errorResponse(error as ApiError);
  }
  return textResponse('ok');
};

afterEach(async () => {
  for (const connection of open.splice(0)) connection.destroy();
  await server?.close();
});

function client(): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, {
    ca: ca.certificate,
    maxSendHeaderBlockLength: 4 << 20,
  });
  session.on('error', () => undefined);
  open.push(session);
  return session;
}

/** A connection on which the test writes what it likes. */
async function raw(protocol: string): Promise<{ socket: TLSSocket; received: () => Buffer; closed: Promise<unknown> }> {
  const socket = connectTls({ host: '127.0.0.1', port, ca: ca.certificate, ALPNProtocols: [protocol] });
  open.push(socket);
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
  await once(socket, 'secureConnect');
  if (protocol === 'h2')
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)]));
  return { socket, received: () => bytes, closed };
}

/** The error code of the server's last word; undefined when it said nothing. */
function goawayCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    if (bytes[at + 3] === GOAWAY) return bytes.readUInt32BE(at + 13);
  return undefined;
}

const isServed = async (): Promise<boolean> => (await exchange(client(), '/')).text === 'ok';

describe('the API port [A49]', () => {
  it('cuts off who opens requests and resets them in a storm (CVE-2023-44487)', async () => {
    let running = 0;
    let most = 0;
    await listen({ maxStreams: 50, resetBurst: 300, resetsPerSecond: 1 }, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      return textResponse('ok');
    });
    const { socket, received, closed } = await raw('h2');
    const cancel = Buffer.from([0, 0, 0, 8]);
    let sent = 0;
    const storm = setInterval(() => {
      const frames = Array.from({ length: 50 }, () => {
        const stream = 2 * sent++ + 1;
        return Buffer.concat([
          frame(HEADERS, END_STREAM | END_HEADERS, stream, GET),
          frame(RST_STREAM, 0, stream, cancel),
        ]);
      });
      socket.write(Buffer.concat(frames));
    }, 5);
    await closed;
    clearInterval(storm);
    // A storm that comes in one piece is cut off by what was given up, one that trickles by what runs.
    expect(goawayCode(received())).toBe(ENHANCE_YOUR_CALM);
    expect(most).toBeLessThanOrEqual(4 * 50);
    expect(await isServed()).toBe(true);
  });

  it('bears clients that give up many requests over time', async () => {
    await listen({ resetBurst: 5, resetsPerSecond: 1e6 }, () => new Promise(() => undefined));
    const session = client();
    for (let round = 0; round < 100; round++) {
      const stream = session.request({ ':path': '/' });
      stream.on('error', () => undefined);
      const gone = once(stream, 'close');
      stream.close(8);
      await gone;
    }
    expect(session.destroyed).toBe(false);
  });

  it('says how many requests a connection may have, and refuses more', async () => {
    await listen({ maxStreams: 3 }, () => new Promise(() => undefined));
    const { socket, received } = await raw('h2');
    socket.write(Buffer.concat([1, 3, 5, 7].map((id) => frame(HEADERS, END_STREAM | END_HEADERS, id, GET))));
    const refusal = (): boolean => {
      const bytes = received();
      for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
        if (bytes[at + 3] === RST_STREAM && bytes.readUInt32BE(at + 5) === 7) return true;
      return goawayCode(bytes) !== undefined;
    };
    while (!refusal()) await once(socket, 'data');
    const session = client();
    await once(session, 'remoteSettings');
    expect(session.remoteSettings.maxConcurrentStreams).toBe(3);
  });

  it('cuts off who sends headers without end (CVE-2024-27983)', async () => {
    await listen();
    const { socket, closed } = await raw('h2');
    socket.write(frame(HEADERS, END_STREAM, 1, GET));
    const junk = frame(
      CONTINUATION,
      0,
      1,
      Buffer.concat([Buffer.from([0x00, 0x01, 0x61, 0x7f, 0xa1, 0x7e]), Buffer.alloc(16_000, 0x61)]),
    );
    const flood = setInterval(() => socket.write(junk), 1);
    await closed;
    clearInterval(flood);
    expect(await isServed()).toBe(true);
  });

  it.each(['http/1.1', 'h2'])('refuses heads of more than a mebibyte over %s, and serves others', async (protocol) => {
    await listen();
    const value = 'x'.repeat((1 << 20) + 1024);
    if (protocol === 'h2') {
      const session = client();
      await once(session, 'remoteSettings');
      expect(session.remoteSettings.maxHeaderListSize).toBe(1 << 20);
      // One value alone may have no more than 64 KiB in HPACK.
      const headers = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'x'.repeat(30_000)]));
      await expect(exchange(session, '/', { headers })).rejects.toThrow();
      await expect(exchange(client(), '/', { headers: { 'x-large': value } })).rejects.toThrow();
    } else {
      const { socket, received, closed } = await raw('http/1.1');
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${value}\r\n\r\n`);
      await closed;
      expect(received().toString()).toMatch(/^HTTP\/1.1 431 /);
    }
    expect(await isServed()).toBe(true);
  });

  it('takes a token of 50 KB in the head, over both protocols', async () => {
    await listen();
    const authorization = `Bearer ${'x'.repeat(50_000)}`;
    const { socket, received, closed } = await raw('http/1.1');
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`);
    await closed;
    expect(received().toString()).toMatch(/^HTTP\/1.1 200 /);
    expect((await exchange(client(), '/', { headers: { authorization } })).status).toBe(200);
  });

  it('waits only so long for a handshake and for a head', async () => {
    await listen({ headerTimeoutMs: 200 });
    const silent = connectTcp(port, '127.0.0.1');
    open.push(silent);
    await once(silent, 'close');
    const { socket, closed } = await raw('http/1.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('x'), 20);
    await closed;
    clearInterval(drip);
  });

  it('ends connections on which nothing is asked, and keeps those with a quiet request', async () => {
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    await listen({ idleTimeoutMs: 100 }, async ({ path }) => {
      if (path === '/slow') await answered;
      return textResponse('ok');
    });
    const quiet = client();
    const slow = exchange(quiet, '/slow');
    const idle = client();
    await exchange(idle, '/');
    await once(idle, 'close');
    answer();
    expect((await slow).text).toBe('ok');
  });

  it.each(['http/1.1', 'h2'])('waits only so long for a body over %s', async (protocol) => {
    await listen({ bodyTimeoutMs: 100 });
    const refusal = 'request did not complete within the allotted timeout';
    if (protocol === 'h2') {
      const stream = client().request({ ':method': 'POST', ':path': '/' }, { endStream: false });
      stream.on('error', () => undefined);
      stream.write('{');
      const [head] = (await once(stream, 'response')) as [{ ':status': number }];
      expect(head[':status']).toBe(504);
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      expect(text).toContain(refusal);
    } else {
      const { socket, received } = await raw('http/1.1');
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{');
      while (!received().includes(refusal)) await once(socket, 'data');
    }
  });

  it('keeps no more of all bodies than there is room for', async () => {
    await listen({ maxBodyBytesTogether: 100_000 });
    const session = client();
    const first = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    first.write(Buffer.alloc(40_000));
    const half = { method: 'POST', body: Buffer.alloc(40_000) };
    expect((await exchange(session, '/', { request: half })).status).toBe(200);
    const refused = await exchange(session, '/', { request: { method: 'POST', body: Buffer.alloc(90_000) } });
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    // What was refused or answered makes room again.
    first.end();
    await once(first, 'response');
    first.resume();
    expect((await exchange(session, '/', { request: { method: 'POST', body: Buffer.alloc(90_000) } })).status).toBe(
      200,
    );
  });

  it.each(['http/1.1', 'h2'])(
    'answers over %s whose request is not allowed before his body has come',
    async (protocol) => {
      await listen({ maxBodyBytesTogether: 10 }, () => Promise.resolve(textResponse('no', 403)));
      if (protocol === 'h2') {
        const stream = client().request({ ':method': 'POST', ':path': '/' }, { endStream: false });
        stream.write(Buffer.alloc(1_000));
        const [head] = (await once(stream, 'response')) as [{ ':status': number }];
        expect(head[':status']).toBe(403);
        stream.resume();
        await once(stream, 'close');
      } else {
        const { socket, received } = await raw('http/1.1');
        socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(1_000)}`);
        while (!received().includes(' 403 ')) await once(socket, 'data');
        // What comes of it later is not taken for the next request.
        socket.write(`${'x'.repeat(1_000)}POST /next HTTP/1.1\r\nHost: x\r\n\r\n`);
        while (received().toString().split(' 403 ').length < 3) await once(socket, 'data');
      }
    },
  );
});
