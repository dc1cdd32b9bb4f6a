/** How the bytes of a layer or an archive are compressed, told from the bytes themselves. */
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

/** Looks at the first bytes and not at the media type, as containerd does: registries are full of wrong ones. */
export async function chooseDecompression(
  content: AsyncIterable<Uint8Array>,
): Promise<{ decompress: Transform | undefined; rest: AsyncIterable<Uint8Array> }> {
  const iterator = content[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  try {
    return { decompress: decompressorFor(head), rest: rest() };
  } catch (error) {
    await iterator.return?.();
    throw error;
  }
}

export function isCompressed(head: Buffer): boolean {
  return isGzip(head) || isZstd(head);
}

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

function isZstd(head: Buffer): boolean {
  return head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528;
}

function decompressorFor(head: Buffer): Transform | undefined {
  if (isGzip(head)) return zlib.createGunzip({ chunkSize: 64 * 1024 });
  if (!isZstd(head)) return undefined;
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  if (createZstdDecompress === undefined) {
    throw new Error('it is compressed with zstd, which needs Node 22.15 or newer');
  }
  return createZstdDecompress();
}
