/**
 * The JSON documents of an image (OCI image specification and Docker schema 2): index, manifest and config, read from
 * untrusted bytes into checked, bounded values.
 */
import { isSha256Digest, type Sha256Digest } from './digest.ts';

export interface Descriptor {
  mediaType: string;
  digest: Sha256Digest;
  sizeBytes: number;
  platform: Platform | undefined;
  annotations: Record<string, string>;
}

export interface Platform {
  os: string;
  /** Go's name: `amd64`, `arm64`. */
  architecture: string;
  variant: string;
}

export interface ImageManifest {
  kind: 'manifest';
  config: Descriptor;
  layers: Descriptor[];
}

export interface ImageIndex {
  kind: 'index';
  manifests: Descriptor[];
}

/** What of an image's config a container starts with. */
export interface RootfsConfig {
  User: string;
  /** `NAME=value` */
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  WorkingDir: string;
  StopSignal: string;
  Volumes: string[];
  /** `80/tcp` */
  ExposedPorts: string[];
  Labels: Record<string, string>;
}

export interface ImageConfig {
  os: string;
  architecture: string;
  diffIds: Sha256Digest[];
  config: RootfsConfig;
}

export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

/** Bounds of the documents; real ones stay far below. overlayfs takes at most 500 layers. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
const MAX_LAYERS = 400;
const MAX_MANIFESTS = 1000;

/** A manifest or an index, told apart by what it holds: media types in the document are optional and often wrong. */
export function parseManifest(bytes: Uint8Array): ImageManifest | ImageIndex {
  const document = parseDocument(bytes, 'manifest');
  if (document['schemaVersion'] === 1) {
    throw new Error('the image has a Docker schema 1 manifest, which is no longer supported');
  }
  const hasManifests = Array.isArray(document['manifests']);
  if (hasManifests && Array.isArray(document['layers'])) throw new Error('manifest is both an index and a manifest');
  if (hasManifests) return { kind: 'index', manifests: descriptors(document['manifests'], MAX_MANIFESTS) };
  if (document['config'] === undefined) throw new Error('manifest has no config');
  return {
    kind: 'manifest',
    config: descriptor(document['config']),
    layers: descriptors(document['layers'], MAX_LAYERS),
  };
}

export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const document = parseDocument(bytes, 'image config');
  const rootfs = record(document['rootfs']);
  const diffIds: unknown = rootfs['diff_ids'] ?? [];
  if (!Array.isArray(diffIds) || diffIds.length > MAX_LAYERS || !diffIds.every(isSha256Digest)) {
    throw new Error('image config has no valid rootfs.diff_ids');
  }
  const config = record(document['config']);
  return {
    os: text(document['os']) || 'linux',
    architecture: text(document['architecture']),
    diffIds,
    config: {
      User: text(config['User']),
      Env: texts(config['Env']),
      Entrypoint: texts(config['Entrypoint']),
      Cmd: texts(config['Cmd']),
      WorkingDir: text(config['WorkingDir']),
      StopSignal: text(config['StopSignal']),
      Volumes: Object.keys(record(config['Volumes'])),
      ExposedPorts: Object.keys(record(config['ExposedPorts'])),
      Labels: textRecord(config['Labels']),
    },
  };
}

/** Go's name of this machine's architecture. */
export function hostPlatform(): Platform {
  const names: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };
  return { os: 'linux', architecture: names[process.arch] ?? process.arch, variant: '' };
}

/**
 * The manifest of an index for a platform, or undefined. An entry without platform (single-platform indexes that tools
 * write) is the last choice; attestations say `unknown/unknown` and are never chosen.
 */
export function chooseManifest(index: ImageIndex, wanted: Platform): Descriptor | undefined {
  const matching = index.manifests.filter(
    ({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture,
  );
  const exact = matching.find(({ platform }) => wanted.variant === '' || platform?.variant === wanted.variant);
  const imageTypes: string[] = ['', mediaTypes.ociManifest, mediaTypes.dockerManifest, mediaTypes.ociIndex];
  const unnamed = index.manifests.find(
    ({ platform, mediaType }) => platform === undefined && imageTypes.includes(mediaType),
  );
  return exact ?? matching[0] ?? unnamed;
}

function parseDocument(bytes: Uint8Array, what: string): Record<string, unknown> {
  if (bytes.byteLength > MAX_DOCUMENT_BYTES) throw new Error(`${what} is larger than ${MAX_DOCUMENT_BYTES} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new Error(`${what} is not JSON`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Error(`${what} is not an object`);
  return parsed as Record<string, unknown>;
}

function descriptors(value: unknown, max: number): Descriptor[] {
  if (!Array.isArray(value)) throw new Error('manifest has no layers');
  if (value.length > max) throw new Error(`manifest has more than ${max} entries`);
  return value.map(descriptor);
}

function descriptor(value: unknown): Descriptor {
  const fields = record(value);
  const { digest, size } = fields;
  if (!isSha256Digest(digest)) throw new Error('manifest has a descriptor without a sha256 digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new Error('manifest has a descriptor without a valid size');
  }
  const platform = fields['platform'] === undefined ? undefined : record(fields['platform']);
  return {
    mediaType: text(fields['mediaType']),
    digest,
    sizeBytes: size,
    platform: platform && {
      os: text(platform['os']),
      architecture: text(platform['architecture']),
      variant: text(platform['variant']),
    },
    annotations: textRecord(fields['annotations']),
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' && !value.includes('\0') ? value : '';
}

function texts(value: unknown): string[] {
  return Array.isArray(value)
    ? value.filter((item): item is string => typeof item === 'string' && !item.includes('\0'))
    : [];
}

function textRecord(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record(value)).filter((entry): entry is [string, string] => text(entry[1]) !== ''),
  );
}
