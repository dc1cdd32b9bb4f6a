/** Speaks to one pod's monitor over its control socket (native/README.md, section 3). */
import { closeSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { RuntimeError } from '../runtime.ts';
import type { NativeFailure } from './program.ts';
import { runtimeErrorOf } from './program.ts';

interface Answer {
  id?: number | null;
  ok?: boolean;
  result?: unknown;
  error?: NativeFailure;
}

/** Socket paths are short in the kernel: the folder is opened, and the socket named through it. */
function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let folder: number;
    try {
      folder = openSync(dirname(path), 'r');
    } catch (error) {
      reject(new RuntimeError('unavailable', `the pod's monitor is gone: ${(error as Error).message}`));
      return;
    }
    const socket = connect({ path: `/proc/self/fd/${folder}/${basename(path)}`, allowHalfOpen: true });
    socket.once('error', (error) => {
      closeSync(folder);
      reject(new RuntimeError('unavailable', `the pod's monitor does not answer: ${error.message}`));
    });
    socket.once('connect', () => {
      closeSync(folder);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

const MAX_LINE = 8 << 20;

/** Cuts a stream into lines until it is told to stop; what follows the last line stays for the stream's new owner. */
class Lines {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): string[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#pending.length > MAX_LINE) throw new Error('a line from the monitor is too long');
    const lines: string[] = [];
    for (let end = this.#pending.indexOf(10); end >= 0; end = this.#pending.indexOf(10)) {
      lines.push(this.#pending.subarray(0, end).toString());
      this.#pending = this.#pending.subarray(end + 1);
    }
    return lines;
  }
}

export class MonitorClient {
  readonly #path: string;
  #socket: Promise<Socket> | undefined;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws `RuntimeError`; `unavailable` when the monitor is gone. */
  async request<T>(command: string, parameters: Record<string, unknown> = {}): Promise<T> {
    this.#socket ??= this.#open();
    const socket = await this.#socket;
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      socket.write(`${JSON.stringify({ version: 1, id, command, ...parameters })}\n`);
    });
  }

  /**
   * Sends a command that takes over its connection. Resolves after its answer with the stream; `rest` is what came
   * behind the answer.
   */
  async takeOver(
    command: string,
    parameters: Record<string, unknown> = {},
  ): Promise<{ socket: Socket; rest: Buffer; result: unknown }> {
    const socket = await open(this.#path);
    socket.write(`${JSON.stringify({ version: 1, id: 1, command, ...parameters })}\n`);
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      const onEnd = (): void => reject(new RuntimeError('unavailable', "the pod's monitor closed the connection"));
      const onData = (chunk: Buffer): void => {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf(10);
        if (end < 0) return;
        socket.pause();
        socket.removeListener('data', onData);
        socket.removeListener('close', onEnd);
        socket.removeListener('error', onEnd);
        let answer: Answer;
        try {
          answer = JSON.parse(received.subarray(0, end).toString()) as Answer;
        } catch {
          socket.destroy();
          reject(new RuntimeError('unavailable', "the pod's monitor does not speak its protocol"));
          return;
        }
        if (answer.ok === true) {
          resolve({ socket, rest: received.subarray(end + 1), result: answer.result });
        } else {
          socket.destroy();
          reject(runtimeErrorOf(answer.error!));
        }
      };
      socket.on('data', onData);
      socket.once('close', onEnd);
      socket.once('error', onEnd);
    });
  }

  /** Events after `cursor`; ends when the monitor does or the signal aborts. */
  async *watch(cursor: number, signal: AbortSignal): AsyncIterable<Record<string, unknown>> {
    const { socket, rest } = await this.takeOver('watch', { cursor });
    const stop = (): void => void socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    const lines = new Lines();
    try {
      for (const line of lines.push(rest)) yield JSON.parse(line) as Record<string, unknown>;
      for await (const chunk of socket) {
        for (const line of lines.push(chunk as Buffer)) yield JSON.parse(line) as Record<string, unknown>;
      }
    } catch (error) {
      if (!signal.aborted) throw new RuntimeError('unavailable', String(error));
    } finally {
      signal.removeEventListener('abort', stop);
      socket.destroy();
    }
  }

  close(): void {
    void this.#socket?.then((socket) => socket.destroy()).catch(() => undefined);
    this.#socket = undefined;
  }

  async #open(): Promise<Socket> {
    let socket: Socket;
    try {
      socket = await open(this.#path);
    } catch (error) {
      this.#socket = undefined;
      throw error;
    }
    const lines = new Lines();
    socket.on('data', (chunk: Buffer) => {
      for (const line of lines.push(chunk)) this.#settle(JSON.parse(line) as Answer);
    });
    const onClose = (): void => {
      this.#socket = undefined;
      for (const { reject } of this.#waiting.values())
        reject(new RuntimeError('unavailable', "the pod's monitor is gone"));
      this.#waiting.clear();
    };
    socket.once('close', onClose);
    socket.once('end', () => socket.destroy());
    socket.once('error', () => socket.destroy());
    return socket;
  }

  #settle({ id, ok, result, error }: Answer): void {
    const waiting = this.#waiting.get(id ?? 0);
    if (waiting === undefined) return;
    this.#waiting.delete(id!);
    if (ok === true) waiting.resolve(result);
    else waiting.reject(runtimeErrorOf(error!));
  }
}
