/**
 * Unpacks one layer of an image (a tar, plain or compressed) into a folder of its own, to be used as an overlay
 * lowerdir.
 *
 * A layer is unpacked on its own and not onto its parents: the folder depends only on the layer's bytes, so that images
 * share it by diff id, layers unpack in parallel, and removing an image never rewrites another. OCI whiteouts become
 * what overlayfs understands (layer-specials.ts). The price is that a hard link into a lower layer is refused, as in
 * Docker.
 *
 * Device nodes below `dev/` are left out (every container gets its own /dev); anywhere else they are refused.
 */
import * as fs from 'node:fs';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import * as tar from 'tar-stream';
import { chooseDecompression } from './compression.ts';
import { ContentVerifier, type Sha256Digest } from './digest.ts';
import { LayerSpecials } from './layer-specials.ts';
import { LayerTree, splitName, type EntryAttributes } from './layer-tree.ts';

export interface LayerLimits {
  /** Bytes of the tar once decompressed. */
  maxBytes: number;
  maxEntries: number;
}

export const defaultLayerLimits: LayerLimits = { maxBytes: 32 * 1024 ** 3, maxEntries: 1_000_000 };

export interface LayerSource {
  /** The compressed or plain tar. Consumed once. */
  content: AsyncIterable<Uint8Array>;
  /** Of the bytes of `content`; absent when nobody promised one. */
  blobDigest?: Sha256Digest;
  blobSizeBytes?: number;
  /** Of the decompressed tar. */
  diffId: Sha256Digest;
}

export interface UnpackedLayer {
  /** Bytes of the files it holds. */
  sizeBytes: number;
  entries: number;
}

/**
 * Unpacks into `folder`, which must exist, be empty and be nobody else's. Resolves only after both digests were right
 * and every entry was written; after a rejection the folder's content is undefined and must be thrown away.
 */
export async function unpackLayer(
  source: LayerSource,
  folder: string,
  options: { limits?: LayerLimits; signal: AbortSignal },
): Promise<UnpackedLayer> {
  const limits = options.limits ?? defaultLayerLimits;
  const tree = new LayerTree(folder);
  const specials = new LayerSpecials(tree);
  const unpacked = await readEntries(source, { tree, specials }, { limits, signal: options.signal });
  await specials.make(options.signal);
  await tree.finishDirectories();
  return unpacked;
}

interface Target {
  tree: LayerTree;
  specials: LayerSpecials;
}

interface Bounds {
  limits: LayerLimits;
  signal: AbortSignal;
}

async function readEntries(source: LayerSource, target: Target, { limits, signal }: Bounds): Promise<UnpackedLayer> {
  const blobName = `layer-${source.blobDigest ?? source.diffId}`;
  const blob = new ContentVerifier({
    name: blobName,
    digest: source.blobDigest,
    sizeBytes: source.blobSizeBytes,
    maxBytes: limits.maxBytes,
  });
  const plain = new ContentVerifier({
    name: `layer-${source.diffId}`,
    digest: source.diffId,
    sizeBytes: undefined,
    maxBytes: limits.maxBytes,
  });
  const { decompress, rest } = await chooseDecompression(source.content);
  const extract = tar.extract();
  const applying = applyEntries(extract, target, limits);
  // The reason is whichever failed first; the other one ends because of it.
  const failed = (error: unknown): never => {
    extract.destroy();
    throw error;
  };
  applying.catch(() => undefined);
  const guarded = applying.catch(failed);
  const first: AsyncIterable<Uint8Array> | Readable = Readable.from(rest, { objectMode: false });
  const piping =
    decompress === undefined
      ? pipeline(first, blob, plain, extract, { signal })
      : pipeline(first, blob, decompress, plain, extract, { signal });
  const [unpacked] = await Promise.all([guarded, piping.catch(failed)]).catch(async (error: unknown) => {
    await Promise.allSettled([applying, piping]);
    throw error;
  });
  return unpacked;
}

async function applyEntries(extract: tar.Extract, target: Target, limits: LayerLimits): Promise<UnpackedLayer> {
  let entries = 0;
  let sizeBytes = 0;
  for await (const entry of extract as unknown as AsyncIterable<TarEntry>) {
    entries += 1;
    if (entries > limits.maxEntries) throw new Error(`the layer has more than ${limits.maxEntries} entries`);
    sizeBytes += await applyEntry(entry, target);
    entry.resume();
  }
  return { entries, sizeBytes };
}

/** What tar-stream really gives: a type that it does not know is null. */
interface TarHeader extends Omit<tar.Header, 'type' | 'linkname' | 'pax'> {
  type: tar.Header['type'] | null;
  linkname: string | null;
  pax: Record<string, string> | null;
}

interface TarEntry extends AsyncIterable<Uint8Array> {
  header: unknown;
  resume(): unknown;
}

/** Resolves with the bytes written. */
async function applyEntry(entry: TarEntry, target: Target): Promise<number> {
  const header = entry.header as TarHeader;
  checkFormat(header);
  const name = header.name;
  if (basename(name).startsWith('.wh.')) {
    applyWhiteout(name, target);
    return 0;
  }
  if (header.type === 'character-device' || header.type === 'block-device') {
    if (splitName(name)[0] === 'dev') return 0;
    throw new Error(`entry ${JSON.stringify(name)} is a device`);
  }
  const path = target.tree.resolve(name);
  const attributes = attributesOf(header);
  switch (header.type) {
    case 'directory':
      target.tree.makeDirectory(path, attributes);
      return 0;
    case 'symlink':
      target.tree.makeSymlink(path, header.linkname ?? '', attributes);
      return 0;
    case 'link':
      target.tree.makeHardLink(path, header.linkname ?? '');
      return 0;
    case 'fifo':
      target.specials.fifo(path, attributes);
      return 0;
    default:
      return writeFile(entry, path, { ...target, attributes });
  }
}

function checkFormat(header: TarHeader): void {
  const sparse = Object.keys(header.pax ?? {}).some((key) => key.startsWith('GNU.sparse.'));
  if (header.type === null || sparse) {
    throw new Error(`entry ${JSON.stringify(header.name)} is of a type that layers do not have`);
  }
}

/** OCI image layer specification, "Whiteouts". Other `.wh..wh.` names are leavings of aufs and mean nothing. */
function applyWhiteout(name: string, { tree, specials }: Target): void {
  const path = tree.resolve(name);
  const removed = basename(path).slice('.wh.'.length);
  if (removed === '.wh..opq') specials.opaque(dirname(path));
  else if (removed === '' || removed === '.' || removed === '..') {
    throw new Error(`entry ${JSON.stringify(name)} points outside the layer`);
  } else if (!removed.startsWith('.wh.')) specials.whiteout(`${dirname(path)}/${removed}`);
}

const write = promisify(fs.write);

async function writeFile(
  entry: TarEntry,
  path: string,
  { tree, specials, attributes }: Target & { attributes: EntryAttributes },
): Promise<number> {
  const fd = tree.createFile(path);
  let written = 0;
  try {
    for await (const chunk of entry) {
      for (let offset = 0; offset < chunk.length;) {
        const { bytesWritten } = await write(fd, chunk, offset, chunk.length - offset, null);
        offset += bytesWritten;
      }
      written += chunk.length;
    }
    tree.finishFile(fd, attributes);
  } finally {
    fs.closeSync(fd);
  }
  const capability = (entry.header as TarHeader).pax?.['SCHILY.xattr.security.capability'];
  if (capability !== undefined) specials.capability(path, capability);
  return written;
}

/** Large owners and exact times stand in PAX records, which tar-stream leaves to us. */
function attributesOf(header: TarHeader): EntryAttributes {
  const pax = header.pax ?? {};
  return {
    mode: header.mode & 0o7777,
    uid: owner(pax['uid'] ?? header.uid),
    gid: owner(pax['gid'] ?? header.gid),
    mtimeSeconds: seconds(pax['mtime'] ?? header.mtime.getTime() / 1000),
  };
}

function owner(value: string | number | undefined): number {
  const id = Number(value ?? 0);
  if (!Number.isInteger(id) || id < 0 || id > 0xfffffffe) throw new Error(`invalid owner ${JSON.stringify(value)}`);
  return id;
}

/** A time that no file system keeps becomes the epoch. */
function seconds(value: string | number): number {
  const time = Number(value);
  return Number.isFinite(time) && time >= 0 && time < 2 ** 34 ? time : 0;
}
