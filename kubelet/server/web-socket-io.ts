/** Node streams over WebSocket messages, with back-pressure both ways. */
import { Writable } from 'node:stream';
import type { WebSocket } from 'ws';

/** Resolves when the message has been handed to the connection; a connection that is gone swallows it. */
export function sendBinary(socket: WebSocket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) resolve();
    else socket.send(bytes, { binary: true }, () => resolve());
  });
}

/** What is written goes out in messages that begin with `prefix`. */
export function channelWritable(socket: WebSocket, prefix: Uint8Array): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      sendBinary(socket, Buffer.concat([prefix, chunk])).then(() => done(), done);
    },
  });
}

/** The message as one buffer. */
export function messageBytes(message: unknown): Buffer {
  if (Buffer.isBuffer(message)) return message;
  if (Array.isArray(message)) return Buffer.concat(message as Buffer[]);
  return message instanceof ArrayBuffer ? Buffer.from(message) : Buffer.from(String(message));
}
