/**
 * The node's images under one folder: an index (index-file.ts) over unpacked layers and small blobs (layer-store.ts).
 * Compressed layers are not kept: they are unpacked while they arrive, and both of their digests are checked on the
 * way.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { RuntimeError, type ImageInfo } from '../runtime.ts';
import { isSha256Digest, sha256, type Sha256Digest } from './digest.ts';
import { IndexFile, type ImageRecord, type IndexDocument } from './index-file.ts';
import { LayerStore } from './layer-store.ts';
import type { LayerLimits, LayerSource } from './layer.ts';
import { parseImageConfig, type RootfsConfig } from './manifest.ts';
import { formatReference, parseImageName, repositoryName } from './reference.ts';

export interface ImageStoreOptions {
  /** `<data folder>/images`; made when missing. */
  folder: string;
  clock: Clock;
  log: Logger;
  /** Ids of images that containers stand on: their layers outlive the image. Absent: none. */
  imagesInUse?: () => Promise<ReadonlySet<string>>;
  limits?: LayerLimits;
}

export interface ImageRootfs {
  /** Folders for overlayfs, topmost first, never empty and without doubles. Read-only for everyone. */
  lowerDirs: string[];
  config: RootfsConfig;
}

export interface NewImage {
  config: Uint8Array;
  /** The manifest it came with, and the index above it. */
  manifests: Uint8Array[];
  /** Canonical names, taken away from the images that have them now. */
  tags: string[];
  repoDigests: string[];
}

export interface ImageStore {
  list(): Promise<ImageInfo[]>;
  /** Takes any reference form, an id, or at least 12 digits of one. Throws `ImageError` InvalidImageName. */
  status(image: string): Promise<ImageInfo | undefined>;
  /** Removes the image with all its names, as CRI says. Layers that others use stay. Missing is fine. */
  remove(image: string): Promise<void>;
  /** Throws `RuntimeError` image-missing. */
  resolveRootfs(imageId: string): Promise<ImageRootfs>;
  /** While `use` runs, these layers stay. Wrap the calls of `addLayer` and `addImage` of one image in it. */
  withLayers<T>(diffIds: Iterable<Sha256Digest>, use: () => Promise<T>): Promise<T>;
  /** Unpacks a layer unless it is there; `open` is called only then. */
  addLayer(diffId: Sha256Digest, open: () => Omit<LayerSource, 'diffId'>, signal: AbortSignal): Promise<void>;
  /** Records an image whose layers were all added; resolves with its id. */
  addImage(image: NewImage): Promise<Sha256Digest>;
  /** A fresh path on the store's file system, deleted after a crash. The caller deletes it. */
  temporaryPath(): Promise<string>;
  /** Waits until what was added is on the disk. */
  close(): Promise<void>;
}

export function createImageStore(options: ImageStoreOptions): ImageStore {
  return new FolderImageStore(options);
}

class FolderImageStore implements ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #index: IndexFile;
  readonly #layers: LayerStore;
  readonly #configs = new Map<string, RootfsConfig>();
  #opened: Promise<void> | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
    this.#index = new IndexFile(join(options.folder, 'index'));
    this.#layers = new LayerStore(options.folder, options.limits);
  }

  async list(): Promise<ImageInfo[]> {
    await this.#open();
    const document = this.#index.read();
    return entriesOf(document).map(([id, record]) => imageInfo(id, record, document));
  }

  async status(image: string): Promise<ImageInfo | undefined> {
    await this.#open();
    const document = this.#index.read();
    const found = findImage(document, image);
    return found && imageInfo(...found, document);
  }

  async remove(image: string): Promise<void> {
    await this.#open();
    const found = findImage(this.#index.read(), image);
    if (found === undefined) return;
    const [id] = found;
    const used = (await this.#options.imagesInUse?.()) ?? new Set<string>();
    let before = this.#index.read();
    const after = await this.#index.update((document) => {
      before = structuredClone(document);
      const record = document.images[id];
      if (record !== undefined) Object.assign(record, { tags: [], repoDigests: [], removed: true });
      dropUnusedImages(document, used);
      dropUnusedLayers(document, (diffId) => this.#layers.isPinned(diffId));
      return true;
    });
    this.#configs.delete(id);
    await this.#deleteDropped(before, after);
  }

  async resolveRootfs(imageId: string): Promise<ImageRootfs> {
    await this.#open();
    const record = isSha256Digest(imageId) ? this.#index.read().images[imageId] : undefined;
    if (record === undefined) throw new RuntimeError('image-missing', `image "${imageId}": not found`);
    const lowerDirs = [...new Set([...record.layers].reverse())].map((diffId) => this.#layers.path(diffId));
    if (lowerDirs.length === 0) lowerDirs.push(await this.#layers.emptyLayer());
    return { lowerDirs, config: await this.#readConfig(imageId as Sha256Digest) };
  }

  withLayers<T>(diffIds: Iterable<Sha256Digest>, use: () => Promise<T>): Promise<T> {
    return this.#layers.withPinned(diffIds, use);
  }

  async addLayer(diffId: Sha256Digest, open: () => Omit<LayerSource, 'diffId'>, signal: AbortSignal): Promise<void> {
    await this.#open();
    const isTrusted = (): boolean => this.#index.read().layers[diffId] !== undefined;
    await this.#layers.ensure(diffId, open, { isTrusted, signal });
  }

  async addImage(image: NewImage): Promise<Sha256Digest> {
    await this.#open();
    const { diffIds, config, os } = parseImageConfig(image.config);
    if (os !== 'linux') throw new Error(`the image is for ${os}, not for linux`);
    const id = await this.#layers.writeBlob(image.config);
    const manifests = await Promise.all(image.manifests.map((bytes) => this.#layers.writeBlob(bytes)));
    const fresh: ImageRecord = {
      tags: image.tags,
      repoDigests: image.repoDigests,
      manifests,
      layers: diffIds,
      user: config.User,
      createdAtMs: this.#options.clock.now(),
    };
    const added = await this.#index.update((document) => {
      this.#recordLayers(document, diffIds);
      moveNames(document, id, fresh);
      return true;
    });
    if (added.unflushed !== undefined) this.#flushSoon(added.unflushed.layers);
    return id;
  }

  temporaryPath(): Promise<string> {
    return this.#layers.temporaryPath();
  }

  async close(): Promise<void> {
    await this.#flushing;
  }

  /** Once, at the first use: what did not survive a power loss goes, and what dead processes left. */
  #open(): Promise<void> {
    this.#opened ??= this.#recover();
    return this.#opened;
  }

  async #recover(): Promise<void> {
    const { unflushed } = this.#index.read();
    if (unflushed !== undefined && unflushed.bootId !== bootId()) {
      const lost = new Set(unflushed.layers);
      this.#options.log.warn('images that may not have reached the disk are dropped', { layers: lost.size });
      await this.#index.update((document) => {
        dropLayers(document, lost);
        delete document.unflushed;
        return true;
      });
    }
    const { layers } = this.#index.read();
    const isTrusted = (hex: string): boolean => layers[`sha256:${hex}`] !== undefined;
    // Nobody waits for it, and what it misses the next start finds.
    const nowMs = this.#options.clock.now();
    Promise.all([this.#layers.sweep(isTrusted, nowMs), this.#index.sweep(nowMs)]).catch((error: unknown) => {
      this.#options.log.warn('sweeping the image store failed', { error: (error as Error).message });
    });
  }

  #recordLayers(document: IndexDocument, diffIds: Sha256Digest[]): void {
    const unflushed = new Set(document.unflushed?.layers ?? []);
    for (const diffId of diffIds) {
      if (!this.#layers.exists(diffId)) throw new Error(`layer ${diffId} was removed meanwhile`);
      if (document.layers[diffId] !== undefined) continue;
      document.layers[diffId] = { sizeBytes: this.#layers.unpackedSize(diffId) ?? 0 };
      unflushed.add(diffId);
    }
    if (unflushed.size > 0) document.unflushed = { bootId: bootId(), layers: [...unflushed] };
  }

  /** Flushes behind the caller's back: a pod need not wait for the disk, and a power loss only costs another pull. */
  #flushSoon(diffIds: Sha256Digest[]): void {
    const flush = async (): Promise<void> => {
      await this.#layers.flush();
      await this.#index.update((document) => {
        const left = document.unflushed?.layers.filter((diffId) => !diffIds.includes(diffId)) ?? [];
        if (document.unflushed === undefined) return false;
        if (left.length === 0) delete document.unflushed;
        else document.unflushed.layers = left;
        return true;
      });
    };
    this.#flushing = this.#flushing.then(flush).catch((error: unknown) => {
      this.#options.log.warn('flushing images to disk failed', { error: (error as Error).message });
    });
  }

  async #readConfig(id: Sha256Digest): Promise<RootfsConfig> {
    const known = this.#configs.get(id);
    if (known !== undefined) return known;
    const bytes = await fs.promises.readFile(this.#layers.blobPath(id));
    if (sha256(bytes) !== id)
      throw new RuntimeError('unknown', `the config of image "${id}" is damaged; remove the image`);
    const { config } = parseImageConfig(bytes);
    this.#configs.set(id, config);
    return config;
  }

  async #deleteDropped(before: IndexDocument, after: IndexDocument): Promise<void> {
    const blobs = (document: IndexDocument): Sha256Digest[] =>
      (Object.entries(document.images) as [Sha256Digest, ImageRecord][]).flatMap(([id, { manifests }]) => [
        id,
        ...manifests,
      ]);
    const keptBlobs = new Set(blobs(after));
    for (const digest of blobs(before)) if (!keptBlobs.has(digest)) await this.#layers.deleteBlob(digest);
    for (const diffId of Object.keys(before.layers) as Sha256Digest[]) {
      if (after.layers[diffId] === undefined && !this.#layers.isPinned(diffId)) await this.#layers.delete(diffId);
    }
  }
}

function entriesOf(document: IndexDocument): [Sha256Digest, ImageRecord][] {
  const all = Object.entries(document.images) as [Sha256Digest, ImageRecord][];
  return all.filter(([, record]) => record.removed !== true);
}

function imageInfo(id: Sha256Digest, record: ImageRecord, document: IndexDocument): ImageInfo {
  const user = record.user.split(':')[0] ?? '';
  const isNumber = /^\d{1,10}$/.test(user);
  const sizes = [...new Set(record.layers)].map((diffId) => document.layers[diffId]?.sizeBytes ?? 0);
  return {
    id,
    repoTags: record.tags,
    repoDigests: record.repoDigests,
    sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
    uid: isNumber ? Number(user) : undefined,
    username: isNumber ? '' : user,
  };
}

function findImage(document: IndexDocument, image: string): [Sha256Digest, ImageRecord] | undefined {
  const images = entriesOf(document);
  const hex = image.startsWith('sha256:') ? image.slice('sha256:'.length) : image;
  const isId = /^[a-f0-9]{12,64}$/.test(hex);
  if (isId && (image !== hex || hex.length === 64)) return findById(images, hex);
  const reference = parseImageName(image);
  const { digest } = reference;
  const canonical = formatReference(reference);
  const named = images.find(([, { tags, repoDigests }]) =>
    digest === undefined ? tags.includes(canonical) : repoDigests.includes(`${repositoryName(reference)}@${digest}`),
  );
  return named ?? (isId ? findById(images, hex) : undefined);
}

function findById(images: [Sha256Digest, ImageRecord][], hex: string): [Sha256Digest, ImageRecord] | undefined {
  const matching = images.filter(([id]) => id.startsWith(`sha256:${hex}`));
  return matching.length === 1 ? matching[0] : undefined;
}

function moveNames(document: IndexDocument, id: Sha256Digest, fresh: ImageRecord): void {
  for (const [other, record] of Object.entries(document.images)) {
    if (other !== id) record.tags = record.tags.filter((tag) => !fresh.tags.includes(tag));
  }
  const known = document.images[id];
  const union = (a: string[], b: string[]): string[] => [...new Set([...a, ...b])];
  document.images[id] = {
    ...fresh,
    tags: union(known?.tags ?? [], fresh.tags),
    repoDigests: union(known?.repoDigests ?? [], fresh.repoDigests),
    manifests: union(known?.manifests ?? [], fresh.manifests) as Sha256Digest[],
    createdAtMs: known?.createdAtMs ?? fresh.createdAtMs,
  };
}

function dropUnusedImages(document: IndexDocument, used: ReadonlySet<string>): void {
  for (const [id, record] of Object.entries(document.images)) {
    if (record.removed === true && !used.has(id)) delete document.images[id as Sha256Digest];
  }
}

function dropUnusedLayers(document: IndexDocument, isPinned: (diffId: Sha256Digest) => boolean): void {
  const referenced = new Set(Object.values(document.images).flatMap(({ layers }) => layers));
  for (const diffId of Object.keys(document.layers) as Sha256Digest[]) {
    if (!referenced.has(diffId) && !isPinned(diffId)) delete document.layers[diffId];
  }
}

function dropLayers(document: IndexDocument, lost: ReadonlySet<Sha256Digest>): void {
  for (const diffId of lost) delete document.layers[diffId];
  for (const [id, { layers }] of Object.entries(document.images)) {
    if (layers.some((diffId) => lost.has(diffId))) delete document.images[id as Sha256Digest];
  }
}

function bootId(): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
