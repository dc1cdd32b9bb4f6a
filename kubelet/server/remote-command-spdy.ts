/**
 * Exec and attach over SPDY/3.1, as kubectl up to 1.30 does them (upstream
 * `k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go`): the client opens a stream for errors and one for each
 * thing it asked for; what a stream is stands in its `streamType` header.
 */
import { PassThrough } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { StreamIo } from '../runtime.ts';
import { statusMessage, statusOfError, statusOfExit } from './command-status.ts';
import type { RemoteCommand, RemoteCommandOptions } from './remote-command.ts';
import { ResizeQueue } from './resize-queue.ts';
import { acceptSpdy } from './spdy/upgrade.ts';
import type { Upgrade } from './spdy/upgrade.ts';
import type { SpdyStream } from './spdy/session.ts';

/** Newest first. The two oldest know no sizes of terminals. */
export const SPDY_COMMAND_PROTOCOLS = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const;
const WITH_RESIZE: readonly string[] = ['v4.channel.k8s.io', 'v3.channel.k8s.io'];

const STREAM_CREATION_TIMEOUT_MS = 30_000;
/** A size is a small JSON object. */
const MAX_SIZE_LENGTH = 1024;

type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';
type Streams = ReadonlyMap<StreamType, SpdyStream>;

/** Resolves when the client has been told how it ended, or has gone. */
export async function serveRemoteCommandOverSpdy(
  upgrade: Upgrade,
  options: RemoteCommandOptions,
  run: RemoteCommand,
): Promise<void> {
  const gone = new AbortController();
  const expected = expectedStreams(options, upgrade.protocol);
  const streams = new Map<StreamType, SpdyStream>();
  let onComplete = (): void => undefined;
  const complete = new Promise<void>((resolve) => (onComplete = resolve));
  const session = acceptSpdy(upgrade, {
    onStream(stream) {
      const type = stream.headers.get('streamtype') as StreamType;
      if (!expected.has(type) || streams.has(type)) {
        stream.destroy();
        return;
      }
      streams.set(type, stream);
      if (streams.size === expected.size) onComplete();
    },
    onClose() {
      gone.abort();
      onComplete();
    },
  });
  const cancel = upgrade.clock.setTimeout(() => session.close(), STREAM_CREATION_TIMEOUT_MS);
  await complete;
  cancel();
  if (gone.signal.aborted) return;
  const status = await run(ioOf(streams, options, gone.signal)).then(statusOfExit, statusOfError);
  await Promise.all((['stdout', 'stderr'] as const).map((type) => ended(streams.get(type))));
  await ended(streams.get('error'), statusMessage(upgrade.protocol, status));
  await Promise.all((['stdin', 'resize'] as const).map((type) => ended(streams.get(type))));
  session.close();
}

function expectedStreams(options: RemoteCommandOptions, protocol: string): ReadonlySet<StreamType> {
  const expected = new Set<StreamType>(['error']);
  if (options.stdin) expected.add('stdin');
  if (options.stdout) expected.add('stdout');
  if (options.stderr && !options.tty) expected.add('stderr');
  if (options.tty && WITH_RESIZE.includes(protocol)) expected.add('resize');
  return expected;
}

function ioOf(streams: Streams, options: RemoteCommandOptions, signal: AbortSignal): StreamIo {
  const io: StreamIo = { tty: options.tty, signal };
  const [stdin, stdout, stderr] = [streams.get('stdin'), streams.get('stdout'), streams.get('stderr')];
  if (stdin !== undefined) io.stdin = inputOf(stdin);
  if (stdout !== undefined) io.stdout = stdout;
  if (stderr !== undefined) io.stderr = stderr;
  if (options.tty) io.resize = sizesOf(streams.get('resize'));
  // Nobody reads what a client sends here, and it has to go somewhere.
  for (const type of ['error', 'stdout', 'stderr'] as const) streams.get(type)?.resume();
  return io;
}

/** Ends as well when the connection breaks. */
function inputOf(stream: SpdyStream): PassThrough {
  const input = new PassThrough();
  input.on('error', () => undefined);
  stream.on('close', () => input.end());
  return stream.pipe(input);
}

/** The client writes one JSON object after the other. */
function sizesOf(stream: SpdyStream | undefined): ResizeQueue {
  const sizes = new ResizeQueue();
  const decoder = new StringDecoder();
  let pending = '';
  stream?.on('data', (chunk: Buffer) => {
    const objects = (pending + decoder.write(chunk)).split('}');
    pending = objects.pop()!.slice(0, MAX_SIZE_LENGTH);
    for (const object of objects) sizes.push(`${object}}`);
  });
  stream?.on('close', () => sizes.end());
  stream?.on('end', () => sizes.end());
  return sizes;
}

/** Resolves when everything up to the end has been handed to the connection, or the stream is gone. */
function ended(stream: SpdyStream | undefined, last: Buffer = Buffer.alloc(0)): Promise<void> {
  if (stream === undefined || stream.destroyed || stream.writableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('close', resolve);
    if (last.length > 0) stream.write(last);
    stream.end(() => resolve());
  });
}
