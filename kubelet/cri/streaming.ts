/**
 * Exec, attach and port forwarding over the runtime's streaming server (upstream
 * `k8s.io/client-go/tools/remotecommand/v4.go`, `portforward.go`).
 */
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { RuntimeError } from '../runtime.ts';
import type { StreamIo } from '../runtime.ts';
import type { SpdyStream } from '../server/spdy/session.ts';
import type { SpdyClient } from './spdy-client.ts';
import { connectSpdy } from './spdy-client.ts';

const REMOTE_COMMAND_PROTOCOL = 'v4.channel.k8s.io';
const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';
const MAX_STATUS_BYTES = 64 * 1024;

/** What comes on the error stream when the command has ended. */
interface CommandStatus {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** Resolves with the exit code (0 for an attach that ends). Throws `RuntimeError`. */
export async function runStreams(url: string, io: StreamIo): Promise<number> {
  const session = await connectSpdy({ url, protocol: REMOTE_COMMAND_PROTOCOL, signal: io.signal });
  try {
    const errors = await openToRead(session, 'error');
    const streams = await openStreams(session, io);
    const outputs = [pumpOutput(streams.stdout, io.stdout), pumpOutput(streams.stderr, io.stderr)];
    if (io.stdin !== undefined && streams.stdin !== undefined) io.stdin.pipe(streams.stdin);
    if (streams.resize !== undefined) void pumpResize(streams.resize, io);
    const text = await readText(errors);
    await Promise.all(outputs);
    return exitCodeOf(text);
  } finally {
    session.close();
  }
}

interface Streams {
  stdin?: SpdyStream;
  stdout?: SpdyStream;
  stderr?: SpdyStream;
  resize?: SpdyStream;
}

/**
 * Our end is told at once: told in answer to the server's, it could meet a connection that is closed already, and the
 * failed write would take with it what has come and is not read yet.
 */
async function openToRead(session: SpdyClient, streamtype: string): Promise<SpdyStream> {
  const stream = await session.open({ streamtype });
  stream.end();
  return stream;
}

async function openStreams(session: SpdyClient, io: StreamIo): Promise<Streams> {
  const streams: Streams = {};
  if (io.stdin !== undefined) {
    streams.stdin = await session.open({ streamtype: 'stdin' });
    streams.stdin.resume();
  }
  if (io.stdout !== undefined) streams.stdout = await openToRead(session, 'stdout');
  if (io.stderr !== undefined && !io.tty) streams.stderr = await openToRead(session, 'stderr');
  if (io.tty) {
    streams.resize = await session.open({ streamtype: 'resize' });
    streams.resize.resume();
  }
  return streams;
}

/** Resolves when everything has been handed on; a reader that has gone away keeps nothing. */
async function pumpOutput(stream: SpdyStream | undefined, writable: Writable | undefined): Promise<void> {
  if (stream === undefined || writable === undefined) return;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (writable.destroyed || writable.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      writable.once('drain', resolve);
      writable.once('close', resolve);
    });
  }
}

async function pumpResize(stream: SpdyStream, { resize }: StreamIo): Promise<void> {
  if (resize === undefined) return;
  for await (const { width, height } of resize) {
    if (stream.destroyed || stream.writableEnded) return;
    stream.write(JSON.stringify({ Width: width, Height: height }));
  }
}

async function readText(stream: SpdyStream): Promise<string> {
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>)
    if (text.length < MAX_STATUS_BYTES) text += chunk.toString();
  return text;
}

/** The servers put these words before every failure; whoever tells of it puts them again. */
const PREFIXES = /^(Internal error occurred: )?(error (executing command in|attaching to) container: )?/;

export function exitCodeOf(text: string): number {
  const status = parseStatus(text);
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined && /^\d+$/.test(code)) return Number(code);
  throw new RuntimeError('unknown', (status.message ?? '').replace(PREFIXES, ''));
}

function parseStatus(text: string): CommandStatus {
  if (text === '') throw new RuntimeError('unavailable', 'the stream ended before the command did');
  try {
    return JSON.parse(text) as CommandStatus;
  } catch {
    return { message: text };
  }
}

export interface ForwardedStream {
  readable: Readable;
  writable: Writable;
}

/** Joins a byte stream with a port of the pod, half-close included. Throws with the runtime's words. */
export async function forwardPort(url: string, port: number, { readable, writable }: ForwardedStream): Promise<void> {
  const ended = new AbortController();
  const session = await connectSpdy({ url, protocol: PORT_FORWARD_PROTOCOL, signal: ended.signal });
  try {
    const headers = { port: String(port), requestid: '0' };
    const errors = await session.open({ ...headers, streamtype: 'error' });
    errors.end();
    const data = await session.open({ ...headers, streamtype: 'data' });
    const stop = (): void => ended.abort();
    for (const stream of [readable, writable]) stream.once('error', stop);
    writable.once('close', stop);
    readable.pipe(data);
    data.pipe(writable);
    const [problem] = await Promise.all([readText(errors), finished(data, { writable: false }).catch(() => undefined)]);
    if (problem !== '') throw new RuntimeError('unavailable', problem);
  } finally {
    session.close();
  }
}
