/**
 * Port forwarding as older WebSocket clients do it (upstream `portforward/websocket.go`): for the port number i of the
 * request, channel 2i carries data and 2i+1 errors; each begins with the port, two bytes, the lower one first.
 */
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Forward } from './port-forward-spdy.ts';
import { channelWritable, messageBytes, sendBinary } from './web-socket-io.ts';

export const PORT_FORWARD_CHANNEL_PROTOCOLS = ['v4.channel.k8s.io', 'portforward.k8s.io'] as const;

export function servePortForwardOverChannels(socket: WebSocket, ports: readonly number[], forward: Forward): void {
  const streams = ports.map((port, i) => open(socket, { port, channel: 2 * i }, forward));
  socket.on('message', (raw) => {
    const message = messageBytes(raw);
    const stream = streams[message[0]! / 2];
    if (stream === undefined || message.length < 2 || stream.push(message.subarray(1))) return;
    // The reader of one port holds back all of them: they share a connection.
    socket.pause();
    stream.once('room', () => socket.resume());
  });
  const end = (): void => {
    for (const stream of streams) stream.push(null);
  };
  socket.on('close', end);
  socket.on('error', end);
}

function open(socket: WebSocket, { port, channel }: { port: number; channel: number }, forward: Forward): Duplex {
  const portBytes = [port & 0xff, port >> 8];
  const output = channelWritable(socket, Buffer.from([channel]));
  const stream = new Duplex({
    read() {
      this.emit('room');
    },
    write: (chunk: Buffer, encoding, done) => void output.write(chunk, encoding as BufferEncoding, done),
  });
  void sendBinary(socket, Buffer.from([channel, ...portBytes]));
  void sendBinary(socket, Buffer.from([channel + 1, ...portBytes]));
  void forward(port, stream)
    .catch((error: unknown) =>
      sendBinary(socket, Buffer.concat([Buffer.from([channel + 1]), Buffer.from((error as Error).message)])),
    )
    // What the client still sends has nobody to read it, and must not hold back the other ports.
    .finally(() => stream.resume());
  return stream;
}
