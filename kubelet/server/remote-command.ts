/**
 * Exec and attach over a WebSocket (upstream `k8s.io/kubelet/pkg/cri/streaming/remotecommand/websocket.go`): the first
 * byte of a message is its channel. The last message on the error channel is a Status that says how it ended.
 */
import { PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import type { StreamIo } from '../runtime.ts';
import { statusMessage, statusOfError, statusOfExit } from './command-status.ts';
import { ResizeQueue } from './resize-queue.ts';
import { channelWritable, messageBytes, sendBinary } from './web-socket-io.ts';

/** Newest first: the first that the client knows is used. */
export const REMOTE_COMMAND_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io'] as const;
const [NEWEST] = REMOTE_COMMAND_PROTOCOLS;

export interface RemoteCommandOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** Runs with the client's streams; resolves with the exit code, or with nothing when there is none. */
export type RemoteCommand = (io: StreamIo) => Promise<number | undefined>;

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** v5: a channel is closed by the client. */
const CLOSE = 255;

export async function serveRemoteCommand(
  { socket, protocol }: { socket: WebSocket; protocol: string },
  options: RemoteCommandOptions,
  run: RemoteCommand,
): Promise<void> {
  const gone = new AbortController();
  const stdin = new PassThrough();
  const resize = new ResizeQueue();
  socket.on('close', () => {
    gone.abort();
    stdin.end();
    resize.end();
  });
  socket.on('error', () => gone.abort());
  socket.on('message', (raw) => take(socket, messageBytes(raw), { options, stdin, resize }));
  stdin.on('drain', () => socket.resume());
  stdin.on('error', () => undefined);
  const hasStderr = options.stderr && !options.tty;
  if (protocol !== NEWEST) {
    // Tells the client that the connection stands. Those that speak v5 (kubectl) do not wait for it, and one that has not
    // made its streams yet complains of it on standard error.
    await sendBinary(socket, Buffer.from([options.stdout ? STDOUT : hasStderr ? STDERR : ERROR]));
  }
  const stdout = options.stdout ? channelWritable(socket, Buffer.from([STDOUT])) : undefined;
  const stderr = hasStderr ? channelWritable(socket, Buffer.from([STDERR])) : undefined;
  const io: StreamIo = {
    tty: options.tty,
    signal: gone.signal,
    ...(options.stdin ? { stdin } : {}),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
    ...(options.tty ? { resize } : {}),
  };
  const status = await run(io).then(statusOfExit, statusOfError);
  await Promise.all([stdout, stderr].map((stream) => stream === undefined || ended(stream)));
  await sendBinary(socket, Buffer.concat([Buffer.from([ERROR]), statusMessage(protocol, status)]));
  socket.close(1000);
}

interface Inputs {
  options: RemoteCommandOptions;
  stdin: PassThrough;
  resize: ResizeQueue;
}

function take(socket: WebSocket, message: Buffer, { options, stdin, resize }: Inputs): void {
  const [channel] = message;
  if (channel === STDIN && options.stdin && !stdin.writableEnded) {
    if (!stdin.write(message.subarray(1))) socket.pause();
  } else if (channel === RESIZE && options.tty) {
    resize.push(message.subarray(1).toString());
  } else if (channel === CLOSE && message[1] === STDIN) {
    stdin.end();
  }
}

function ended(stream: NodeJS.WritableStream & { writableEnded?: boolean; destroyed?: boolean }): Promise<void> {
  if (stream.destroyed === true) return Promise.resolve();
  return new Promise((resolve) => {
    stream.on('error', () => resolve());
    if (stream.writableEnded === true) {
      if ((stream as unknown as { writableFinished: boolean }).writableFinished) resolve();
      else stream.on('finish', () => resolve());
    } else {
      stream.end(() => resolve());
    }
  });
}
