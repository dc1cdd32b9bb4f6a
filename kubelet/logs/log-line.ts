/**
 * One line of a container's log file, as CRI has it: `<time> <stdout|stderr> <P|F>[:tags] <content>`, where P marks a
 * part of a longer line.
 */
export interface LogLine {
  /** As written, RFC 3339 with nanoseconds. */
  time: string;
  stream: 'stdout' | 'stderr';
  isPartial: boolean;
  content: Buffer;
}

const SPACE = 0x20;

/** `line` without its newline. Undefined for what is not such a line. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  if (first <= 0 || second < 0) return undefined;
  const third = line.indexOf(SPACE, second + 1);
  const tagsEnd = third < 0 ? line.length : third;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tag = line.toString('latin1', second + 1, tagsEnd).split(':')[0];
  return {
    time: line.toString('latin1', 0, first),
    stream,
    isPartial: tag === 'P',
    content: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1),
  };
}

/** Nanoseconds since the epoch, so that `sinceTime` can be compared exactly; undefined when it is no time. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1]}${match[3]}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
