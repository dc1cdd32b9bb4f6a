/**
 * Turns an HTTP/1.1 request into a SPDY/3.1 session and agrees on what its streams mean (upstream
 * `apimachinery/pkg/util/httpstream/httpstream.go`, `Handshake`, and `spdy/upgrade.go`).
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../../api/machinery/errors.ts';
import type { Clock } from '../../../base/clock.ts';
import { SpdySession } from './session.ts';
import type { SpdySessionOptions, SpdyTransport } from './session.ts';

const SPDY = 'SPDY/3.1';
const PROTOCOL_HEADER = 'x-stream-protocol-version';
/** How long a client may take to hear the end before its connection is cut. */
const LINGER_MS = 10_000;

export function isSpdyUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === SPDY.toLowerCase();
}

/**
 * The first protocol of the client's that we speak, as the client orders them; the oldest for a client that names none.
 * Throws `NoCommonProtocol`.
 */
export function negotiateProtocol({ headers }: IncomingMessage, ours: readonly string[]): string {
  const offered = [headers[PROTOCOL_HEADER] ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (offered.length === 0) return ours.at(-1)!;
  const protocol = offered.find((name) => ours.includes(name));
  if (protocol !== undefined) return protocol;
  const reason = `client supports [${offered.join(' ')}], server accepts [${ours.join(' ')}]`;
  throw new NoCommonProtocol(`unable to upgrade: unable to negotiate protocol: ${reason}`, ours);
}

/** Refuses an upgrade, and says what would have been accepted. */
export class NoCommonProtocol extends ApiError {
  readonly accepted: readonly string[];

  constructor(message: string, accepted: readonly string[]) {
    super({ code: 403, message });
    this.accepted = accepted;
  }
}

export interface Upgrade {
  socket: Duplex;
  /** What came after the request's head. */
  head: Buffer;
  protocol: string;
  clock: Clock;
}

/** Answers 101 and serves the session on the connection until either side ends it. */
export function acceptSpdy(
  { socket, head, protocol, clock }: Upgrade,
  options: Omit<SpdySessionOptions, 'transport'>,
): SpdySession {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${SPDY}`];
  socket.write([...lines, `X-Stream-Protocol-Version: ${protocol}`, '', ''].join('\r\n'));
  const session = new SpdySession({ ...options, transport: transportOf(socket, clock) });
  let received = Promise.resolve();
  const take = (chunk: Buffer): void => {
    socket.pause();
    received = received.then(() => session.receive(chunk)).finally(() => socket.resume());
  };
  if (head.length > 0) take(head);
  socket.on('data', take);
  socket.on('end', () => void received.then(() => session.close()));
  socket.on('close', () => session.close());
  return session;
}

function transportOf(socket: Duplex, clock: Clock): SpdyTransport {
  return {
    send: (bytes) =>
      new Promise((resolve) => {
        if (socket.destroyed || socket.writableEnded) resolve();
        else socket.write(bytes, () => resolve());
      }),
    // What the client still sends is read and dropped: a reset would take our last frames from it.
    close() {
      socket.removeAllListeners('data');
      socket.resume();
      socket.end();
      const cancel = clock.setTimeout(() => socket.destroy(), LINGER_MS);
      socket.on('close', cancel);
    },
  };
}
