/**
 * Pulls one image: manifest → platform → config → layers (several at once, each unpacked while it arrives) → store.
 * Error texts follow containerd `client/pull.go` and `internal/cri/server/images/image_pull.go`.
 */
import { ImageError, type PullAuth } from '../runtime.ts';
import type { Sha256Digest } from './digest.ts';
import { chooseManifest, hostPlatform, mediaTypes, parseImageConfig, parseManifest } from './manifest.ts';
import type { Descriptor, ImageManifest } from './manifest.ts';
import { formatReference, repositoryName, type ImageReference } from './reference.ts';
import { AuthorizationError } from './registry-auth.ts';
import { NotFoundError, type RegistryClient, type Repository } from './registry.ts';
import type { ImageStore } from './store.ts';

export interface Puller {
  store: ImageStore;
  client: RegistryClient;
}

const PARALLEL_LAYERS = 3;
const MAX_INDEX_DEPTH = 3;

/** Resolves with the image's id. Throws `ImageError` ErrImagePull, or the signal's reason. */
export async function pullImage(
  { store, client }: Puller,
  reference: ImageReference,
  { auth, signal }: { auth: PullAuth | undefined; signal: AbortSignal },
): Promise<string> {
  const name = formatReference(reference);
  const repository = client.repository(reference, auth);
  try {
    const resolved = await resolve(repository, reference, signal);
    const found = await fetchManifest(repository, resolved, signal);
    return await fetchImage({ store, repository }, { reference, ...found, digest: resolved.digest }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const text = `failed to pull and unpack image "${name}": ${(error as Error).message}`;
    throw new ImageError('ErrImagePull', text, { cause: error });
  }
}

interface FetchedDocument {
  bytes: Uint8Array;
  digest: Sha256Digest;
}

async function resolve(
  repository: Repository,
  reference: ImageReference,
  signal: AbortSignal,
): Promise<FetchedDocument> {
  const name = formatReference(reference);
  try {
    return await repository.manifest(reference.digest ?? reference.tag ?? 'latest', signal);
  } catch (error) {
    signal.throwIfAborted();
    const failed = `failed to resolve reference "${name}": `;
    throw new Error(failed + explainResolve(error as Error, name), { cause: error });
  }
}

function explainResolve(error: Error, name: string): string {
  if (error instanceof NotFoundError) return `${name}: not found`;
  if (!(error instanceof AuthorizationError)) return error.message;
  return `pull access denied, repository does not exist or may require authorization: ${error.message}`;
}

/** Goes down through indexes to the manifest of this machine's platform; gives every document it passed. */
async function fetchManifest(
  repository: Repository,
  { bytes }: FetchedDocument,
  signal: AbortSignal,
): Promise<{ manifest: ImageManifest; documents: Uint8Array[] }> {
  const documents = [bytes];
  let parsed = parseManifest(bytes);
  for (let depth = 0; parsed.kind === 'index'; depth++) {
    const chosen = depth < MAX_INDEX_DEPTH ? chooseManifest(parsed, hostPlatform()) : undefined;
    if (chosen === undefined) throw new Error('no match for platform in manifest: not found');
    const next = await repository.manifest(chosen.digest, signal);
    documents.push(next.bytes);
    parsed = parseManifest(next.bytes);
  }
  return { manifest: parsed, documents };
}

interface Image {
  reference: ImageReference;
  manifest: ImageManifest;
  documents: Uint8Array[];
  /** Of what the reference named: the index, or the manifest. */
  digest: Sha256Digest;
}

async function fetchImage(
  { store, repository }: { store: ImageStore; repository: Repository },
  { reference, manifest, documents, digest }: Image,
  signal: AbortSignal,
): Promise<string> {
  const config = await repository.document(manifest.config, signal);
  const diffIds = layersOf(manifest, config);
  const add = async (): Promise<string> => {
    await inParallel([...diffIds], signal, async ([diffId, layer], layerSignal) => {
      const open = (): { content: AsyncIterable<Uint8Array>; blobDigest: Sha256Digest; blobSizeBytes: number } => ({
        content: repository.blob(layer, layerSignal),
        blobDigest: layer.digest,
        blobSizeBytes: layer.sizeBytes,
      });
      await store.addLayer(diffId, open, layerSignal);
    });
    return store.addImage({
      config,
      manifests: documents,
      // A reference with both names the digest: the tag may have moved on, so it is not taken.
      tags: reference.digest === undefined ? [formatReference(reference)] : [],
      repoDigests: [`${repositoryName(reference)}@${digest}`],
    });
  };
  return store.withLayers(diffIds.keys(), add);
}

/** Diff id → the blob it comes from, each once. */
export function layersOf(manifest: ImageManifest, config: Uint8Array): Map<Sha256Digest, Descriptor> {
  const isImage = [mediaTypes.ociConfig, 'application/vnd.docker.container.image.v1+json', ''].includes(
    manifest.config.mediaType,
  );
  if (!isImage)
    throw new Error(`not a container image: its config is ${JSON.stringify(manifest.config.mediaType.slice(0, 200))}`);
  const { diffIds } = parseImageConfig(config);
  if (diffIds.length !== manifest.layers.length) {
    throw new Error(`mismatched image rootfs and manifest layers: ${diffIds.length} and ${manifest.layers.length}`);
  }
  const layers = new Map<Sha256Digest, Descriptor>();
  for (const [i, diffId] of diffIds.entries()) {
    const layer = manifest.layers[i];
    if (layer !== undefined) layers.set(diffId, layer);
  }
  return layers;
}

/** The first failure ends the others, and is the one that is thrown. */
async function inParallel<T>(
  items: T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const both = AbortSignal.any([signal, controller.signal]);
  const pending = [...items];
  const worker = async (): Promise<void> => {
    for (let item = pending.shift(); item !== undefined; item = pending.shift()) {
      both.throwIfAborted();
      await work(item, both);
    }
  };
  let first: { error: unknown } | undefined;
  const workers = Array.from({ length: PARALLEL_LAYERS }, () =>
    worker().catch((error: unknown) => {
      first ??= { error };
      controller.abort();
    }),
  );
  await Promise.all(workers);
  if (first !== undefined) throw (first as { error: unknown }).error;
}
