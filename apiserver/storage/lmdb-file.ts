/** A look at an environment's file before lmdb maps it: lmdb crashes the process on a file that is not its own. */
import { open, unlink } from 'node:fs/promises';
import { StorageError } from './storage.ts';

export const PAGE_BYTES = 8192;
/** `MDB_MAGIC` of lmdb's mdb.c, and where the first page has it. */
const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;

/** Throws `corrupted` unless the file is an lmdb environment, empty, or missing. */
export async function checkEnvironmentFile(path: string): Promise<void> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return;
  const start = Buffer.alloc(2 * PAGE_BYTES);
  let size: number;
  try {
    await file.read(start, 0, start.length, 0);
    size = (await file.stat()).size;
  } finally {
    await file.close();
  }
  if (size === 0 || (size >= start.length && start.readUInt32LE(MAGIC_OFFSET) === MAGIC)) return;
  // Power lost before the first commit leaves the two pages that lmdb begins with, in part or empty.
  const neverCommitted = size <= start.length && start.every((byte) => byte === 0);
  if (!neverCommitted)
    throw new StorageError('corrupted', `${path} is not an lmdb environment, or its start is damaged`);
  await unlink(path);
}
