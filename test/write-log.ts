/**
 * What a disk with a volatile cache holds after its power is gone: everything up to the last flush that it had
 * confirmed, and of what was written after that whatever chance let through. Reads qemu's `blklogwrites`, which has
 * the form of Linux' dm-log-writes.
 */
import { open } from 'node:fs/promises';

const MAGIC = 0x6a736677736872n;
const FLUSH = 1n;
const DISCARD = 4n;

interface LoggedWrite {
  offset: number;
  data: Buffer;
}

/**
 * Applies the log to `image`, which is as the disk was before. `survives` decides for each write after the last flush;
 * gives how many there were, and how many writes in all.
 */
export async function losePower(
  image: string,
  log: string,
  survives: () => boolean,
): Promise<{ writes: number; unflushed: number }> {
  const { writes, flushed } = await readLog(log);
  const file = await open(image, 'r+');
  try {
    for (const [i, { offset, data }] of writes.entries()) {
      if (i < flushed || survives()) await file.write(data, 0, data.length, offset);
    }
  } finally {
    await file.close();
  }
  return { writes: writes.length, unflushed: writes.length - flushed };
}

/** `flushed`: how many of the writes came before the last flush. */
async function readLog(log: string): Promise<{ writes: LoggedWrite[]; flushed: number }> {
  const file = await open(log, 'r');
  try {
    const head = Buffer.alloc(32);
    await file.read(head, 0, head.length, 0);
    if (head.readBigUInt64LE(0) !== MAGIC) throw new Error(`${log} is no log of writes`);
    const entries = Number(head.readBigUInt64LE(16));
    const sectorBytes = head.readUInt32LE(24);
    const writes: LoggedWrite[] = [];
    let flushed = 0;
    let position = sectorBytes;
    for (let i = 0; i < entries; i++) {
      const entry = Buffer.alloc(32);
      await file.read(entry, 0, entry.length, position);
      const [sector, sectors, flags] = [0, 8, 16].map((at) => entry.readBigUInt64LE(at)) as [bigint, bigint, bigint];
      position += sectorBytes;
      // A flush is for what came before it.
      if ((flags & FLUSH) !== 0n) flushed = writes.length;
      if ((flags & DISCARD) !== 0n || sectors === 0n) continue;
      const data = Buffer.alloc(Number(sectors) * sectorBytes);
      await file.read(data, 0, data.length, position);
      position += data.length;
      writes.push({ offset: Number(sector) * sectorBytes, data });
    }
    return { writes, flushed };
  } finally {
    await file.close();
  }
}
