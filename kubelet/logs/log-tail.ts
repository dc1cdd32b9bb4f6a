/** The end of a log file, read backwards in blocks. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { parseLogLine } from './log-line.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** Time, stream and tag of a line take less. */
const HEAD_BYTES = 64;

/** Opens a log without following a link in its place. Rejects when it is not a file. */
export async function openLog(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`not a file: ${path}`);
}

/** Where the last `lines` lines begin; 0 when there are fewer. A last line without its newline counts. */
export async function offsetOfLastLines(
  file: FileHandle,
  { size, lines }: { size: number; lines: number },
): Promise<number> {
  if (lines <= 0) return size;
  let found = 0;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      // The newline at the very end closes the last line.
      if (buffer[i] !== NEWLINE || start + i === size - 1) continue;
      found++;
      if (found === lines) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

/** The contents of the last lines, without times and streams; empty when there is no log. */
export async function readLogTail(path: string, { lines, bytes }: { lines: number; bytes: number }): Promise<string> {
  let file: FileHandle;
  try {
    file = await openLog(path);
  } catch {
    return '';
  }
  try {
    const { size } = await file.stat();
    const offset = Math.max(await offsetOfLastLines(file, { size, lines }), size - bytes - lines * HEAD_BYTES, 0);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
    const contents: Buffer[] = [];
    for (const line of splitLines(buffer.subarray(0, bytesRead))) {
      const parsed = parseLogLine(line);
      if (parsed !== undefined) contents.push(parsed.content, Buffer.from(parsed.isPartial ? '' : '\n'));
    }
    const text = Buffer.concat(contents);
    return text.subarray(Math.max(0, text.length - bytes)).toString('utf8');
  } finally {
    await file.close();
  }
}

function* splitLines(data: Buffer): Generator<Buffer> {
  let start = 0;
  for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
    yield data.subarray(start, end);
    start = end + 1;
  }
  if (start < data.length) yield data.subarray(start);
}
