/** The streaming calls of the runtime over a monitor's connections, with back-pressure both ways. */
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { StreamIo } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import type { Frame } from './frames.ts';
import { encodeFrame, FrameDecoder, FrameType, resizePayload } from './frames.ts';
import type { MonitorClient } from './monitor-client.ts';
import type { NativeFailure } from './program.ts';
import { runtimeErrorOf } from './program.ts';

export interface ExitFrame {
  exitCode: number;
  signal?: number;
  timedOut?: boolean;
}

/** Runs a framed stream to its last frame; undefined when the client went away first. */
export async function runFramed(
  client: MonitorClient,
  command: Record<string, unknown> & { command: string },
  io: StreamIo,
): Promise<ExitFrame | undefined> {
  const { command: name, ...parameters } = command;
  const { socket, rest } = await client.takeOver(name, parameters);
  const stop = (): void => void socket.destroy();
  io.signal.addEventListener('abort', stop, { once: true });
  if (io.signal.aborted) stop();
  pumpInput(socket, io);
  if (io.resize !== undefined) void pumpResize(socket, io.resize);
  try {
    return await pumpOutput(socket, rest, io);
  } finally {
    io.signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** The monitor takes no larger frame than 1 MiB; a client's message may be one. */
const MAX_INPUT_FRAME = 64 * 1024;

function pumpInput(socket: Socket, { stdin }: StreamIo): void {
  if (stdin === undefined) return;
  stdin.on('data', (chunk: Buffer) => {
    if (socket.destroyed) return;
    let hasRoom = true;
    for (let offset = 0; offset < chunk.length; offset += MAX_INPUT_FRAME)
      hasRoom = socket.write(encodeFrame(FrameType.stdin, chunk.subarray(offset, offset + MAX_INPUT_FRAME)));
    if (!hasRoom) {
      stdin.pause();
      socket.once('drain', () => stdin.resume());
    }
  });
  stdin.once('end', () => {
    if (!socket.destroyed) socket.write(encodeFrame(FrameType.stdinClose));
  });
}

async function pumpResize(socket: Socket, sizes: AsyncIterable<{ width: number; height: number }>): Promise<void> {
  for await (const size of sizes) {
    if (socket.destroyed) return;
    socket.write(encodeFrame(FrameType.resize, resizePayload(size)));
  }
}

async function pumpOutput(socket: Socket, rest: Buffer, io: StreamIo): Promise<ExitFrame | undefined> {
  const decoder = new FrameDecoder();
  const deliverAll = async (bytes: Buffer): Promise<ExitFrame | undefined> => {
    for (const frame of decoder.push(bytes)) {
      const exit = await deliver(frame, io);
      if (exit !== undefined) return exit;
    }
    return undefined;
  };
  const early = await deliverAll(rest);
  if (early !== undefined) return early;
  try {
    for await (const chunk of socket) {
      const exit = await deliverAll(chunk as Buffer);
      if (exit !== undefined) return exit;
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
  return undefined;
}

async function deliver({ type, payload }: Frame, { stdout, stderr }: StreamIo): Promise<ExitFrame | undefined> {
  switch (type) {
    case FrameType.stdout:
      await write(stdout, payload);
      return undefined;
    case FrameType.stderr:
      await write(stderr, payload);
      return undefined;
    case FrameType.exit:
      return JSON.parse(payload.toString()) as ExitFrame;
    case FrameType.error:
      throw runtimeErrorOf(JSON.parse(payload.toString()) as NativeFailure);
    default:
      return undefined;
  }
}

function write(stream: Writable | undefined, bytes: Buffer): Promise<void> {
  if (stream === undefined || stream.destroyed || stream.write(Buffer.from(bytes))) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('drain', resolve);
    stream.once('close', resolve);
  });
}

/** Joins a byte stream with a port of the pod, half-close included. */
export async function forwardPort(
  client: MonitorClient,
  port: number,
  { readable, writable }: { readable: Readable; writable: Writable },
): Promise<void> {
  const { socket, rest } = await client.takeOver('dial', { port });
  if (rest.length > 0) writable.write(rest);
  await new Promise<void>((resolve) => {
    let open = 2;
    const closed = (): void => {
      open -= 1;
      if (open === 0) resolve();
    };
    const abort = (): void => {
      socket.destroy();
      resolve();
    };
    readable.pipe(socket);
    socket.pipe(writable);
    readable.once('end', closed);
    socket.once('end', closed);
    for (const stream of [readable, writable, socket]) stream.once('error', abort);
    socket.once('close', resolve);
    readable.once('close', () => socket.end());
  });
}

const MAX_SYNC_OUTPUT = 1 << 20;

/** Collects up to a bound; what is beyond is dropped. */
export class OutputBuffer {
  readonly #chunks: Buffer[] = [];
  #size = 0;

  push(chunk: Buffer): void {
    const room = MAX_SYNC_OUTPUT - this.#size;
    if (room <= 0) return;
    const kept = chunk.subarray(0, room);
    this.#chunks.push(Buffer.from(kept));
    this.#size += kept.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

export function deadlineExceeded(command: readonly string[], timeoutMs: number): RuntimeError {
  return new RuntimeError(
    'deadline-exceeded',
    `command ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`,
  );
}
