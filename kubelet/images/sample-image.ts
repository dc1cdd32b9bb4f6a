/**
 * Small images for tests: made in memory, served by a stand-in registry, or written as archives. Used by tests only.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import * as tar from 'tar-stream';
import { sha256, type Sha256Digest } from './digest.ts';
import { hostPlatform, mediaTypes } from './manifest.ts';

export type TarMember = Partial<tar.Header> & {
  name: string;
  content?: string | Uint8Array;
  pax?: Record<string, string>;
};

export interface SampleImage {
  id: Sha256Digest;
  /** Of the manifest. */
  digest: Sha256Digest;
  manifest: Buffer;
  config: Buffer;
  /** Plain tars, bottom first. */
  layers: Buffer[];
  diffIds: Sha256Digest[];
  /** Config and compressed layers, by digest. */
  blobs: Map<string, Buffer>;
}

export async function tarOf(members: TarMember[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { content = '', ...header } of members) pack.entry({ mtime: new Date(0), ...header }, content as string);
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An image of layers, bottom first. `config` is the `config` object of the image's config. */
export async function sampleImage(layerMembers: TarMember[][], config: object = {}): Promise<SampleImage> {
  const layers = await Promise.all(layerMembers.map(tarOf));
  const blobs = new Map<string, Buffer>();
  const describe = (mediaType: string, bytes: Buffer): object => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const diffIds = layers.map(sha256);
  const { os, architecture } = hostPlatform();
  const rootfs = { type: 'layers', diff_ids: diffIds };
  const configBytes = Buffer.from(JSON.stringify({ os, architecture, config, rootfs }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: describe(mediaTypes.ociConfig, configBytes),
      layers: layers.map((layer) => describe(`${mediaTypes.ociLayer}+gzip`, gzipSync(layer))),
    }),
  );
  return { id: sha256(configBytes), digest: sha256(manifest), manifest, config: configBytes, layers, diffIds, blobs };
}

/** An OCI layout in a tar, as `skopeo copy … oci-archive:` writes it. */
export async function ociArchive(image: SampleImage, name: string): Promise<Buffer> {
  const descriptor = {
    mediaType: mediaTypes.ociManifest,
    digest: image.digest,
    size: image.manifest.length,
    annotations: { 'org.opencontainers.image.ref.name': name },
  };
  const blob = (digest: string): string => `blobs/sha256/${digest.slice(7)}`;
  return tarOf([
    { name: 'oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }) },
    { name: blob(image.digest), content: image.manifest },
    ...[...image.blobs].map(([digest, content]) => ({ name: blob(digest), content })),
  ]);
}

/** A docker-archive tar, as old `docker save` writes it. */
export async function dockerArchive(image: SampleImage, repoTags: string[]): Promise<Buffer> {
  const configName = `${image.id.slice(7)}.json`;
  const layerNames = image.diffIds.map((diffId) => `${diffId.slice(7)}/layer.tar`);
  return tarOf([
    { name: configName, content: image.config },
    ...image.layers.map((content, i) => ({ name: layerNames[i] ?? '', content })),
    {
      name: 'manifest.json',
      content: JSON.stringify([{ Config: configName, RepoTags: repoTags, Layers: layerNames }]),
    },
  ]);
}

export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A registry on loopback that serves one repository; `intercept` may answer first and returns true when it has. */
export class SampleRegistry {
  readonly #server: Server;
  readonly requests: { url: string; authorization: string | undefined; range: string | undefined }[] = [];
  readonly #manifests = new Map<string, { bytes: Buffer; type: string }>();
  readonly #blobs = new Map<string, Buffer>();
  intercept: Intercept = () => false;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(): Promise<SampleRegistry> {
    const registry = new SampleRegistry();
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(image: SampleImage, tag: string): void {
    for (const [digest, bytes] of image.blobs) this.#blobs.set(digest, bytes);
    this.addManifest(image.manifest, tag, mediaTypes.ociManifest);
  }

  addManifest(bytes: Buffer, tag: string, type: string): void {
    for (const key of [tag, sha256(bytes)]) this.#manifests.set(key, { bytes, type });
  }

  /** How often something under this path was asked for. */
  count(part: string): number {
    return this.requests.filter(({ url }) => url.includes(part)).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '';
    const { authorization, range } = request.headers;
    // The first attempt at a loopback registry speaks TLS, which never gets here.
    this.requests.push({ url, authorization, range });
    if (this.intercept(request, response)) return;
    const [, kind = '', key = ''] = /\/(manifests|blobs)\/([^/?]+)/.exec(url) ?? [];
    const { bytes, type } = this.#find(kind, key);
    if (bytes === undefined) {
      response
        .writeHead(404)
        .end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }));
      return;
    }
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, { 'content-type': type });
    response.end(bytes.subarray(start));
  }

  #find(kind: string, key: string): { bytes: Buffer | undefined; type: string } {
    if (kind === 'manifests') return this.#manifests.get(key) ?? { bytes: undefined, type: '' };
    return { bytes: kind === 'blobs' ? this.#blobs.get(key) : undefined, type: 'application/octet-stream' };
  }
}
