/** Reads a container's log as `kubectl logs` asks for it (upstream `cri-client/pkg/logs/logs.go`). */
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import { parseLogLine, parseTimestamp } from './log-line.ts';
import type { LogLine } from './log-line.ts';
import { offsetOfLastLines, openLog } from './log-tail.ts';

export interface LogOptions {
  follow: boolean;
  tailLines?: number;
  /** Nanoseconds since the epoch: lines before are left out. */
  sinceNs?: bigint;
  limitBytes?: number;
  timestamps: boolean;
  stream?: 'stdout' | 'stderr';
}

export interface LogSource {
  path: string;
  clock: Clock;
  /** While true, more may come. */
  isRunning(): boolean;
  signal: AbortSignal;
}

const BLOCK_BYTES = 64 * 1024;
/** Longer ones are passed on in parts, so that no line has to fit into memory. */
const MAX_LINE_BYTES = 1024 * 1024;
const POLL_MS = 1_000;
const NEWLINE = 0x0a;

/** Ends at the end of the log or, when following, of the container. Rejects when there is no log. */
export async function* readLogs(source: LogSource, options: LogOptions): AsyncGenerator<Buffer> {
  const formatter = new LineFormatter(options);
  let left = options.limitBytes ?? Infinity;
  for await (const block of blocksOf(source, options)) {
    const output = formatter.format(block);
    if (output.length === 0) continue;
    yield output.length > left ? output.subarray(0, left) : output;
    left -= output.length;
    if (left <= 0) return;
  }
}

/** Whole lines and parts of lines out, as they were written. */
async function* blocksOf(source: LogSource, options: LogOptions): AsyncGenerator<Buffer> {
  const { path, signal } = source;
  let file = await openLog(path);
  try {
    const { size } = await file.stat();
    let offset =
      options.tailLines === undefined ? 0 : await offsetOfLastLines(file, { size, lines: options.tailLines });
    let isLast = !options.follow;
    while (!signal.aborted) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(BLOCK_BYTES), 0, BLOCK_BYTES, offset);
      offset += bytesRead;
      if (bytesRead > 0) {
        yield buffer.subarray(0, bytesRead);
        continue;
      }
      if (isLast) return;
      const next = await reopenIfRotated(file, path);
      if (next !== undefined) {
        await file.close();
        file = next;
        offset = 0;
        continue;
      }
      // What was written between the last read and the end is read once more.
      if (!source.isRunning()) isLast = true;
      else await changed(source);
    }
  } finally {
    await file.close();
  }
}

async function reopenIfRotated(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  const [current, opened] = [await stat(path).catch(() => undefined), await file.stat()];
  return current === undefined || current.ino === opened.ino ? undefined : openLog(path).catch(() => undefined);
}

/** Resolves when something changed in the log's folder, and after a second anyway. */
async function changed({ path, clock, signal }: LogSource): Promise<void> {
  const wake = new AbortController();
  const waiting = sleep(clock, POLL_MS, AbortSignal.any([signal, wake.signal]));
  let watcher: ReturnType<typeof watch> | undefined;
  try {
    watcher = watch(dirname(path), () => wake.abort());
    watcher.on('error', () => undefined);
  } catch {
    // Without a watch (too many, or the folder went) the second has to do.
  }
  await waiting;
  watcher?.close();
}

class LineFormatter {
  readonly #options: LogOptions;
  #rest = Buffer.alloc(0);
  /** The line that is being written has begun already. */
  #isWithinLine = false;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  format(block: Buffer): Buffer {
    const data = this.#rest.length === 0 ? block : Buffer.concat([this.#rest, block]);
    const output: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      this.#take(data.subarray(start, end), output);
      start = end + 1;
    }
    this.#rest = Buffer.from(data.subarray(start));
    if (this.#rest.length > MAX_LINE_BYTES) {
      this.#take(this.#rest, output);
      this.#rest = Buffer.alloc(0);
    }
    return Buffer.concat(output);
  }

  #take(text: Buffer, output: Buffer[]): void {
    const line = parseLogLine(text);
    if (line === undefined || !this.#isWanted(line)) return;
    if (this.#options.timestamps && !this.#isWithinLine) output.push(Buffer.from(`${line.time} `));
    output.push(line.content);
    if (!line.isPartial) output.push(Buffer.from('\n'));
    this.#isWithinLine = line.isPartial;
  }

  #isWanted({ stream, time }: LogLine): boolean {
    if (this.#options.stream !== undefined && this.#options.stream !== stream) return false;
    if (this.#options.sinceNs === undefined) return true;
    const writtenNs = parseTimestamp(time);
    return writtenNs === undefined || writtenNs >= this.#options.sinceNs;
  }
}
