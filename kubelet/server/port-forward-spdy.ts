/**
 * Port forwarding over SPDY/3.1: on the connection itself as kubectl up to 1.30 does it, or inside binary WebSocket
 * messages as later ones do (upstream `k8s.io/kubelet/pkg/cri/streaming/portforward/httpstream.go`). Each connection is a pair of streams with one request
 * id: `error`, on which a failure is told, and `data`.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { SpdySession } from './spdy/session.ts';
import type { SpdyStream } from './spdy/session.ts';
import { sendBinary } from './web-socket-io.ts';

/** Joins a stream with a port of the pod; rejects with what the client is told. */
export type Forward = (port: number, stream: Duplex) => Promise<void>;

export const PORT_FORWARD_SPDY_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';

const MAX_WAITING = 1_000;

/** Takes the streams of a session as the client opens them, and joins each pair with its port. */
export function portForwardStreams(forward: Forward): (stream: SpdyStream) => void {
  const pairs = new Map<string, Partial<Record<'error' | 'data', SpdyStream>>>();
  return (stream) => {
    const type = stream.headers.get('streamtype');
    const requestId = stream.headers.get('requestid') ?? stream.headers.get('port') ?? '';
    if ((type !== 'error' && type !== 'data') || pairs.size > MAX_WAITING) {
      stream.destroy();
      return;
    }
    const pair = pairs.get(requestId) ?? {};
    pair[type] = stream;
    pairs.set(requestId, pair);
    // A stream that went before its other half came would wait for ever.
    stream.on('close', () => {
      if (pairs.get(requestId) === pair) pairs.delete(requestId);
    });
    if (pair.error === undefined || pair.data === undefined) return;
    pairs.delete(requestId);
    void connect(pair.error, pair.data, forward);
  };
}

export function servePortForwardOverSpdy(socket: WebSocket, forward: Forward): void {
  const session = new SpdySession({
    transport: { send: (bytes) => sendBinary(socket, bytes), close: () => socket.close(1000) },
    onStream: portForwardStreams(forward),
  });
  let received = Promise.resolve();
  socket.on('message', (message: Buffer) => {
    socket.pause();
    received = received.then(() => session.receive(message)).finally(() => socket.resume());
  });
  socket.on('close', () => session.close());
  socket.on('error', () => session.close());
}

async function connect(errors: SpdyStream, data: SpdyStream, forward: Forward): Promise<void> {
  errors.resume();
  try {
    const port = Number(data.headers.get('port'));
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`unable to parse port ${data.headers.get('port')}`);
    await forward(port, data);
  } catch (error) {
    if (!errors.destroyed) errors.write((error as Error).message);
  } finally {
    if (!errors.destroyed) errors.end();
    if (!data.destroyed && !data.writableEnded) data.end();
    // What the client still sends has nobody to read it.
    data.resume();
  }
}
