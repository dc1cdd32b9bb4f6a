import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { parseLogLine, parseTimestamp } from './log-line.ts';
import { readLogs } from './log-reader.ts';
import type { LogOptions } from './log-reader.ts';
import { rotatedLogs, rotateLog } from './log-rotation.ts';
import { readLogTail } from './log-tail.ts';

const TIMES = ['2026-01-02T03:04:05.000000001Z', '2026-01-02T03:04:06.5Z', '2026-01-02T03:04:07.123456789+00:00'];
const LOG = `${TIMES[0]} stdout F one\n${TIMES[1]} stderr F oops\n${TIMES[2]} stdout P thr\n${TIMES[2]} stdout F ee\n`;

describe('readLogs() [K9]', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'logs-'));
    path = join(folder, '0.log');
    await writeFile(path, LOG);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const read = async (options: Partial<LogOptions> = {}, isRunning = () => false): Promise<string> => {
    const source = { path, clock: realClock, isRunning, signal: new AbortController().signal };
    const chunks: Buffer[] = [];
    for await (const chunk of readLogs(source, { follow: false, timestamps: false, ...options })) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  it('gives both streams, with parts of lines joined', async () => {
    expect(await read()).toBe('one\noops\nthree\n');
  });

  it('gives times once for each line', async () => {
    expect(await read({ timestamps: true })).toBe(`${TIMES[0]} one\n${TIMES[1]} oops\n${TIMES[2]} three\n`);
  });

  it('gives one stream, the last lines, lines since a time, and no more bytes than asked for', async () => {
    expect(await read({ stream: 'stderr' })).toBe('oops\n');
    expect(await read({ tailLines: 3 })).toBe('oops\nthree\n');
    expect(await read({ tailLines: 0 })).toBe('');
    expect(await read({ tailLines: 99 })).toBe('one\noops\nthree\n');
    expect(await read({ sinceNs: parseTimestamp('2026-01-02T03:04:06.4Z')! })).toBe('oops\nthree\n');
    expect(await read({ limitBytes: 6 })).toBe('one\noo');
  });

  it('finds the last lines of a log that is longer than a block', async () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `${TIMES[0]} stdout F line ${i}\n`);
    await writeFile(path, lines.join(''));
    expect(await read({ tailLines: 2_500 })).toBe(
      Array.from({ length: 2_500 }, (_, i) => `line ${i + 2_500}\n`).join(''),
    );
  });

  it('follows until the container has ended', async () => {
    let isRunning = true;
    const text = read({ follow: true, tailLines: 0 }, () => isRunning);
    await appendFile(path, `${TIMES[2]} stdout F four\n`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await appendFile(path, `${TIMES[2]} stdout F five\n`);
    isRunning = false;
    await appendFile(path, `${TIMES[2]} stdout F six\n`);
    expect(await text).toMatch(/(four\n)?five\nsix\n$/);
  });

  it('follows into the new file after a rotation', async () => {
    let isRunning = true;
    const text = read({ follow: true }, () => isRunning);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await rename(path, `${path}.1`);
    await writeFile(path, `${TIMES[2]} stdout F new\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    isRunning = false;
    await appendFile(path, `${TIMES[2]} stdout F last\n`);
    expect(await text).toBe('one\noops\nthree\nnew\nlast\n');
  });

  it('does not follow a link in the place of the log', async () => {
    const secret = join(folder, 'secret');
    await writeFile(secret, `${TIMES[0]} stdout F secret\n`);
    await rm(path);
    await symlink(secret, path);
    await expect(read()).rejects.toThrow('ELOOP');
    expect(await readLogTail(path, { lines: 1, bytes: 100 })).toBe('');
  });

  it('gives the end of a log for a termination message', async () => {
    expect(await readLogTail(path, { lines: 2, bytes: 100 })).toBe('three\n');
    expect(await readLogTail(path, { lines: 80, bytes: 3 })).toBe('ee\n');
  });

  it('rotates a log that is too long, and keeps few', async () => {
    const limits = { maxBytes: 10, maxFiles: 3 };
    let reopened = 0;
    const reopen = () => writeFile(path, LOG).then(() => void reopened++);
    for (let i = 0; i < 4; i++)
      expect(await rotateLog(path, limits, { reopen, nowMs: Date.UTC(2026, 0, 1) + i })).toBe(true);
    expect(reopened).toBe(4);
    expect((await rotatedLogs(path)).map((name) => name.slice(path.length))).toEqual([
      '.20260101-000000.002',
      '.20260101-000000.003',
    ]);
    expect(await rotateLog(path, { ...limits, maxBytes: 1e6 }, { reopen, nowMs: 0 })).toBe(false);
  });

  it('puts the log back when the runtime does not open a new one', async () => {
    const reopen = () => Promise.reject(new Error('no'));
    await expect(rotateLog(path, { maxBytes: 1, maxFiles: 2 }, { reopen, nowMs: 0 })).rejects.toThrow('no');
    expect(await read({ tailLines: 1, stream: 'stdout' })).toBe('ee\n');
  });
});

describe('parseLogLine()', () => {
  it('refuses what is no log line', () => {
    for (const text of ['', 'x', `${TIMES[0]} stdin F x`, `${TIMES[0]} stdout`])
      expect(parseLogLine(Buffer.from(text))).toBeUndefined();
    expect(parseLogLine(Buffer.from(`${TIMES[0]} stdout F`))?.content.toString()).toBe('');
  });
});
