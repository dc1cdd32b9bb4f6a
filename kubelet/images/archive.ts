/**
 * Loads images from a tar file: an OCI layout (`skopeo copy … oci-archive:`, `docker save` since 25) or a
 * docker-archive (`docker save` before, `skopeo copy … docker-archive:`), plain or gzip.
 *
 * The archive is read twice: once for where each member lies, then member by member. Nothing of it is unpacked by
 * name, so its names cannot reach outside; every byte that is kept is checked against a digest.
 */
import * as fs from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as tar from 'tar-stream';
import { chooseDecompression, isCompressed } from './compression.ts';
import { sha256, type Sha256Digest } from './digest.ts';
import { chooseManifest, hostPlatform, MAX_DOCUMENT_BYTES, parseImageConfig, parseManifest } from './manifest.ts';
import type { Descriptor, ImageManifest } from './manifest.ts';
import { layersOf } from './pull.ts';
import { formatReference, parseReference, repositoryName, type ImageReference } from './reference.ts';
import type { ImageStore } from './store.ts';

export interface LoadOptions {
  store: ImageStore;
  /** A path, or the bytes themselves. */
  source: string | Readable;
  /** The name for an image that the archive does not name. */
  name?: string;
  signal: AbortSignal;
}

export interface LoadedImage {
  id: string;
  /** Canonical; empty when the archive names none. */
  tags: string[];
}

const MAX_ARCHIVE_BYTES = 64 * 1024 ** 3;
const MAX_MEMBERS = 100_000;
const MAX_LINKS = 8;
const MAX_INDEX_DEPTH = 3;

/** Resolves with the images in the archive's order. Throws an `Error` that says what is wrong with the archive. */
export async function loadArchive({ store, source, name, signal }: LoadOptions): Promise<LoadedImage[]> {
  const spooled = await needsSpooling(source);
  const path = spooled ? await store.temporaryPath() : (source as string);
  try {
    if (spooled) await spool(source, path, signal);
    const archive = new Archive(path, await readMembers(path, signal));
    const images = await findImages(archive);
    if (images.length === 0) throw new Error('the archive holds no image for this machine');
    const loaded: LoadedImage[] = [];
    for (const image of images) loaded.push(await addImage({ store, archive, signal }, withName(image, name)));
    return loaded;
  } finally {
    if (spooled) await fs.promises.rm(path, { force: true });
  }
}

/** An image of the archive, before anything of it is kept. */
interface FoundImage {
  config: Uint8Array;
  /** Empty for a docker-archive. */
  manifests: Uint8Array[];
  /** Diff id → the member that holds the layer, and what its bytes must be when that is known. */
  layers: Map<Sha256Digest, { member: string; blob?: Descriptor }>;
  names: string[];
}

interface Member {
  offset: number;
  sizeBytes: number;
  /** Another member's name: skopeo and old docker store a layer once and link to it. */
  link: string | undefined;
}

class Archive {
  readonly #path: string;
  readonly #members: ReadonlyMap<string, Member>;

  constructor(path: string, members: ReadonlyMap<string, Member>) {
    this.#path = path;
    this.#members = members;
  }

  has(name: string): boolean {
    return this.#members.has(memberName(name));
  }

  async document(name: string): Promise<Buffer> {
    const { sizeBytes } = this.#find(name);
    if (sizeBytes > MAX_DOCUMENT_BYTES) throw new Error(`${quote(name)} in the archive is too large`);
    const chunks: Buffer[] = [];
    for await (const chunk of this.content(name)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  content(name: string): AsyncIterable<Uint8Array> {
    const { offset, sizeBytes } = this.#find(name);
    if (sizeBytes === 0) return fs.createReadStream('/dev/null');
    return fs.createReadStream(this.#path, { start: offset, end: offset + sizeBytes - 1 });
  }

  #find(name: string): Member {
    let found = this.#members.get(memberName(name));
    for (let links = 0; found?.link !== undefined && links < MAX_LINKS; links++) found = this.#members.get(found.link);
    if (found === undefined || found.link !== undefined) throw new Error(`the archive has no ${quote(name)}`);
    return found;
  }
}

/** What is not a plain file on the disk cannot be read twice. */
async function needsSpooling(source: string | Readable): Promise<boolean> {
  if (typeof source !== 'string') return true;
  const handle = await fs.promises.open(source);
  try {
    if (!(await handle.stat()).isFile()) return true;
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return isCompressed(buffer);
  } finally {
    await handle.close();
  }
}

/** Writes the plain archive to `path`, bounded. */
async function spool(source: string | Readable, path: string, signal: AbortSignal): Promise<void> {
  const input = typeof source === 'string' ? fs.createReadStream(source) : source;
  const target = fs.createWriteStream(path, { flags: 'wx', mode: 0o600 });
  const plain = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let received = 0;
    for await (const chunk of chunks) {
      received += chunk.length;
      if (received > MAX_ARCHIVE_BYTES) throw new Error(`the archive is larger than ${MAX_ARCHIVE_BYTES} bytes`);
      yield chunk;
    }
  };
  const { decompress, rest } = await chooseDecompression(input as AsyncIterable<Uint8Array>);
  const first = Readable.from(rest, { objectMode: false });
  if (decompress === undefined) await pipeline(first, plain, target, { signal });
  else await pipeline(first, decompress, plain, target, { signal });
}

async function readMembers(path: string, signal: AbortSignal): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  const extract = tar.extract();
  const reading = (async (): Promise<void> => {
    for await (const entry of extract) {
      const header = entry.header as tar.Header & { byteOffset: number; linkname: string | null };
      const name = memberName(header.name);
      if (members.size >= MAX_MEMBERS) throw new Error(`the archive has more than ${MAX_MEMBERS} members`);
      const isLink = header.type === 'symlink' || header.type === 'link';
      const base = header.type === 'symlink' ? posix.dirname(name) : '.';
      const target = header.linkname ?? '';
      const link = isLink ? memberName(target.startsWith('/') ? target : posix.join(base, target)) : undefined;
      if (isLink || header.type === 'file') {
        members.set(name, { offset: header.byteOffset, sizeBytes: header.size, link });
      } else if (header.type !== 'directory')
        throw new Error(`${quote(name)} in the archive is neither file nor folder`);
      entry.resume();
    }
  })();
  reading.catch(() => undefined);
  await Promise.all([reading, pipeline(fs.createReadStream(path), extract, { signal })]).catch(
    async (error: unknown) => {
      extract.destroy();
      await reading.catch(() => undefined);
      throw new Error(`not an image archive: ${(error as Error).message}`, { cause: error });
    },
  );
  return members;
}

function memberName(name: string): string {
  const normal = posix.normalize(name).replace(/\/+$/, '');
  if (normal.startsWith('/') || normal === '..' || normal.startsWith('../')) {
    throw new Error(`${quote(name)} points outside the archive`);
  }
  return normal;
}

async function findImages(archive: Archive): Promise<FoundImage[]> {
  const dockerImages = archive.has('manifest.json') ? await findDockerImages(archive) : [];
  if (!archive.has('index.json')) {
    if (dockerImages.length === 0) throw new Error('not an image archive: it has neither index.json nor manifest.json');
    return dockerImages;
  }
  const images = await findOciImages(archive);
  for (const image of images) {
    // `docker save` writes both documents; only manifest.json has all the names.
    const twin = dockerImages.find(({ config }) => Buffer.compare(config, image.config) === 0);
    image.names = [...new Set([...image.names, ...(twin?.names ?? [])])];
  }
  return images;
}

async function findDockerImages(archive: Archive): Promise<FoundImage[]> {
  const entries: unknown = JSON.parse((await archive.document('manifest.json')).toString('utf8'));
  if (!Array.isArray(entries)) throw new Error('manifest.json in the archive is not a list');
  const images: FoundImage[] = [];
  for (const entry of entries as { Config?: unknown; RepoTags?: unknown; Layers?: unknown }[]) {
    const { Config: configName, RepoTags: repoTags, Layers: members } = entry;
    if (typeof configName !== 'string' || !isTexts(members))
      throw new Error('manifest.json in the archive is not valid');
    const config = await archive.document(configName);
    const { diffIds } = parseImageConfig(config);
    if (diffIds.length !== members.length) throw new Error('manifest.json and the image config name different layers');
    const layers = new Map(diffIds.map((diffId, i) => [diffId, { member: members[i] ?? '' }]));
    images.push({ config, manifests: [], layers, names: isTexts(repoTags) ? repoTags : [] });
  }
  return images;
}

async function findOciImages(archive: Archive): Promise<FoundImage[]> {
  const index = parseManifest(await archive.document('index.json'));
  if (index.kind !== 'index') throw new Error('index.json in the archive is not an index');
  const images: FoundImage[] = [];
  for (const descriptor of index.manifests) {
    const image = await findOciImage(archive, descriptor);
    if (image !== undefined) images.push(image);
  }
  return images;
}

/** Undefined when the archive has it not for this machine: archives may be partial. */
async function findOciImage(archive: Archive, top: Descriptor): Promise<FoundImage | undefined> {
  const manifests: Uint8Array[] = [];
  let descriptor: Descriptor | undefined = top;
  let manifest: ImageManifest | undefined;
  for (let depth = 0; manifest === undefined; depth++) {
    if (descriptor === undefined || depth > MAX_INDEX_DEPTH || !archive.has(blobName(descriptor))) return undefined;
    const bytes = await blob(archive, descriptor);
    manifests.push(bytes);
    const parsed = parseManifest(bytes);
    if (parsed.kind === 'manifest') manifest = parsed;
    else descriptor = chooseManifest(parsed, hostPlatform());
  }
  const config = await blob(archive, manifest.config);
  const layers = new Map(
    [...layersOf(manifest, config)].map(([diffId, layer]) => [diffId, { member: blobName(layer), blob: layer }]),
  );
  const { annotations } = top;
  const names = [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']];
  // A bare tag (`latest`) names no image.
  const whole = names.filter((text): text is string => text !== undefined && /[/:]/.test(text));
  return { config, manifests, layers, names: [...new Set(whole)] };
}

function blobName({ digest }: Descriptor): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

async function blob(archive: Archive, descriptor: Descriptor): Promise<Buffer> {
  const bytes = await archive.document(blobName(descriptor));
  const actual = sha256(bytes);
  if (actual !== descriptor.digest) {
    throw new Error(`unexpected commit digest ${actual}, expected ${descriptor.digest}: failed precondition`);
  }
  return bytes;
}

function withName(image: FoundImage, name: string | undefined): FoundImage {
  return image.names.length === 0 && name !== undefined ? { ...image, names: [name] } : image;
}

async function addImage(
  { store, archive, signal }: { store: ImageStore; archive: Archive; signal: AbortSignal },
  { config, manifests, layers, names }: FoundImage,
): Promise<LoadedImage> {
  const references = names.map(withTag);
  const tags = references.filter(({ digest }) => digest === undefined).map(formatReference);
  const [top] = manifests;
  const repositories = new Set(references.map(repositoryName));
  const repoDigests = top === undefined ? [] : [...repositories].map((repository) => `${repository}@${sha256(top)}`);
  const id = await store.withLayers(layers.keys(), async () => {
    for (const [diffId, { member, blob: promised }] of layers) {
      const check = promised && { blobDigest: promised.digest, blobSizeBytes: promised.sizeBytes };
      await store.addLayer(diffId, () => ({ content: archive.content(member), ...check }), signal);
    }
    return store.addImage({ config, manifests, tags, repoDigests });
  });
  return { id, tags };
}

function withTag(text: string): ImageReference {
  const reference = parseReference(text);
  return { ...reference, tag: reference.tag ?? (reference.digest === undefined ? 'latest' : undefined) };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
