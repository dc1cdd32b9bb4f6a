/** Listens for DNS over UDP and TCP. */
import { createSocket } from 'node:dgram';
import { createServer, isIPv6 } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { frame } from './forwarder.ts';
import type { Respond } from './respond.ts';

export interface DnsAddress {
  ip: string;
  /** 0: any free one, the same for UDP and TCP. */
  port: number;
}

export interface DnsServerOptions {
  listen: readonly DnsAddress[];
  respond: Respond;
  clock: Clock;
  log: Logger;
}

export interface DnsServer {
  addresses: readonly DnsAddress[];
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 256;
const IDLE_MS = 10_000;
/** Questions under way on one connection before it is not read on. */
const MAX_PIPELINED = 32;

/** Resolves when it listens everywhere; rejects, with everything closed, when it cannot. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => void (await Promise.all(closers.splice(0).map((closer) => closer())));
  const addresses: DnsAddress[] = [];
  try {
    for (const { ip, port } of options.listen) {
      const tcp = await listenTcp({ ip, port }, options);
      closers.push(tcp.close);
      closers.push(await listenUdp({ ip, port: tcp.port }, options));
      addresses.push({ ip, port: tcp.port });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses, close };
}

function listenUdp({ ip, port }: DnsAddress, { respond, log }: DnsServerOptions): Promise<() => Promise<void>> {
  const socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, ip, () => {
      socket.off('error', reject);
      socket.on('error', (error) => log.warn('the UDP socket failed', { error: error.message }));
      resolve(() => new Promise((closed) => socket.close(() => closed())));
    });
    socket.on('message', (message, client) => {
      respond(message, 'udp').then(
        (answer) => {
          // The client may be gone, or the socket closed meanwhile: it asks again or not.
          if (answer !== undefined) trySend(() => socket.send(answer, client.port, client.address, () => undefined));
        },
        (error: unknown) => log.error('a question could not be answered', { error: String(error) }),
      );
    });
  });
}

function trySend(send: () => void): void {
  try {
    send();
  } catch {
    // The socket has been closed.
  }
}

function listenTcp(
  { ip, port }: DnsAddress,
  options: DnsServerOptions,
): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveConnection(socket, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, ip, () => {
      server.off('error', reject);
      server.on('error', (error) => options.log.warn('the TCP listener failed', { error: error.message }));
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed());
          for (const socket of sockets) socket.destroy();
        });
      resolve({ port: (server.address() as { port: number }).port, close });
    });
  });
}

function serveConnection(socket: Socket, { respond, log, clock }: DnsServerOptions): void {
  let received = Buffer.alloc(0);
  let pending = 0;
  let cancelIdle = clock.setTimeout(() => socket.destroy(), IDLE_MS);
  const stayAwake = (): void => {
    cancelIdle();
    cancelIdle = clock.setTimeout(() => socket.destroy(), IDLE_MS);
  };
  const answerOne = (message: Buffer): void => {
    pending++;
    respond(message, 'tcp')
      .then((answer) => {
        if (answer === undefined) socket.destroy();
        else if (!socket.destroyed) socket.write(frame(answer));
      })
      .catch((error: unknown) => {
        log.error('a question could not be answered', { error: String(error) });
        socket.destroy();
      })
      .finally(() => {
        pending--;
        takeMessages();
        if (pending < MAX_PIPELINED) socket.resume();
      });
  };
  const takeMessages = (): void => {
    while (pending < MAX_PIPELINED && received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      answerOne(Buffer.from(received.subarray(2, end)));
      received = received.subarray(end);
    }
    if (pending >= MAX_PIPELINED) socket.pause();
  };
  socket.on('error', () => undefined);
  socket.on('close', () => cancelIdle());
  socket.on('data', (chunk: Buffer) => {
    stayAwake();
    received = Buffer.concat([received, chunk]);
    takeMessages();
  });
}
