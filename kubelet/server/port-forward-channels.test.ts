import { expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { servePortForwardOverChannels } from './port-forward-channels.ts';

/** Hands on messages while it is not paused. */
class PausableSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 1;
  readonly sent: Buffer[] = [];
  readonly #held: Buffer[] = [];
  isPaused = false;

  send(bytes: Uint8Array, _options: unknown, done: () => void): void {
    this.sent.push(Buffer.from(bytes));
    done();
  }

  receive(message: Buffer): void {
    if (this.isPaused) this.#held.push(message);
    else this.emit('message', message);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    while (this.#held.length > 0 && !this.isPaused) this.emit('message', this.#held.shift());
  }
}

it('serves the other ports while a client goes on sending to one that failed', async () => {
  const socket = new PausableSocket();
  const received: string[] = [];
  servePortForwardOverChannels(socket as unknown as WebSocket, [1, 2], async (port, stream) => {
    if (port === 1) throw new Error('connection refused');
    for await (const chunk of stream) received.push(String(chunk));
  });
  await new Promise(setImmediate);
  expect(socket.sent.map(String)).toContain('\u0001connection refused');
  for (let i = 0; i < 10; i++) socket.receive(Buffer.concat([Buffer.from([0]), Buffer.alloc(10_000)]));
  socket.receive(Buffer.from('\u0002hello'));
  await new Promise(setImmediate);
  expect(received).toEqual(['hello']);
  socket.emit('close');
});
