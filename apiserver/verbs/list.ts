/** GET of a collection: from the watch cache, in pages of one snapshot, streamed in chunks. */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject, ListMeta } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import { CachedObject } from '../cacher/cached-object.ts';
import { formatResourceVersion } from '../cacher/codec.ts';
import type { Snapshot } from '../cacher/snapshot.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { StorageError } from '../storage/storage.ts';
import { streamList } from '../render/list-stream.ts';
import { mediaTypeOf, renderList } from '../render/render.ts';
import { decodeContinueToken, encodeContinueToken } from './continue-token.ts';
import type { VerbDependencies } from './dependencies.ts';
import type { ReadOptions } from './list-options.ts';
import { filterOf, keyPrefixOf, readOptionsOf } from './list-options.ts';

export interface Page {
  revision: number;
  objects: CachedObject[];
  metadata: ListMeta;
}

export async function list(
  context: RequestContext,
  kind: ServedKind,
  dependencies: VerbDependencies,
): Promise<ApiResponse> {
  const page = await readPage(context, kind, { dependencies, options: readOptionsOf(context, kind) });
  const { as } = mediaTypeOf(context);
  if (as === 'object' && context.request.wantsObjects !== true) return streamList(context, kind, page);
  const objects = page.objects.map((object) => object.object());
  return renderList(context, kind, { metadata: page.metadata, objects, nowMs: dependencies.clock.now() });
}

/** The objects that a request asks for, with the metadata of their list. */
export async function readPage(
  context: RequestContext,
  kind: ServedKind,
  { dependencies, options }: { dependencies: VerbDependencies; options: ReadOptions },
): Promise<Page> {
  const prefix = keyPrefixOf(context, kind);
  const token = options.continue === '' ? undefined : decodeContinueToken(options.continue);
  const snapshot = await snapshotFor(kind, { dependencies, options, revision: token?.revision, prefix });
  const fromKey = token === undefined ? prefix : kind.cache.keyPrefix + token.startKey;
  if (!fromKey.startsWith(prefix)) throw errors.badRequest('continue key is not valid: it belongs to another list');
  // Selectors look into the objects that they leave out, too.
  if (filterOf(kind, options) !== undefined) await kind.cache.ready?.([...kind.cache.range(snapshot, prefix, fromKey)]);
  const page = takePage(kind, snapshot, { options, prefix, fromKey });
  await kind.cache.ready?.(page.objects);
  return page;
}

function takePage(
  kind: ServedKind,
  snapshot: Snapshot,
  { options, prefix, fromKey }: { options: ReadOptions; prefix: string; fromKey: string },
): Page {
  const filter = filterOf(kind, options);
  const objects: CachedObject[] = [];
  const metadata: ListMeta = { resourceVersion: formatResourceVersion(snapshot.revision) };
  let remaining = 0;
  let next: string | undefined;
  for (const object of kind.cache.range(snapshot, prefix, fromKey)) {
    if (options.limit > 0 && objects.length >= options.limit) {
      next ??= object.key;
      // Counting what a selector would leave means decoding it all: upstream leaves the count out too.
      if (filter !== undefined) break;
      remaining++;
      continue;
    }
    if (object.damage !== undefined) throw object.damage;
    if (filter === undefined || filter(object)) objects.push(object);
  }
  if (next !== undefined) {
    kind.cache.keepSnapshot(snapshot);
    metadata.continue = encodeContinueToken({
      revision: snapshot.revision,
      startKey: next.slice(kind.cache.keyPrefix.length),
    });
    if (filter === undefined) metadata.remainingItemCount = remaining;
  }
  return { revision: snapshot.revision, objects, metadata };
}

interface SnapshotRequest {
  dependencies: VerbDependencies;
  options: ReadOptions;
  /** Of a continue token. */
  revision: number | undefined;
  prefix: string;
}

async function snapshotFor(kind: ServedKind, request: SnapshotRequest): Promise<Snapshot> {
  const { options, dependencies } = request;
  const { watchCache } = dependencies;
  const exact = request.revision ?? exactRevision(options);
  if (exact !== undefined && exact > 0)
    return kind.cache.keptSnapshot(exact, request.prefix) ?? snapshotFromStorage(kind, request, exact);
  if (options.revision === undefined) await watchCache.freshen();
  else await watchCache.waitFor(options.revision);
  return kind.cache.snapshot(watchCache.revision);
}

/** With a limit and no match, a resourceVersion means exactly that one (the legacy rule of the API). */
function exactRevision({ match, revision, limit }: ReadOptions): number | undefined {
  if (revision === undefined || revision === 0) return undefined;
  return match === 'Exact' || (match === '' && limit > 0) ? revision : undefined;
}

async function snapshotFromStorage(
  kind: ServedKind,
  { dependencies, prefix, options }: SnapshotRequest,
  revision: number,
): Promise<Snapshot> {
  try {
    const result = await dependencies.storage.list({ prefix, revision });
    const snapshot = kind.cache.emptySnapshot(revision, prefix);
    for (const { key, value, modRevision } of result.entries)
      snapshot.tree.set(key, new CachedObject(key, value, modRevision));
    return snapshot;
  } catch (error) {
    throw translateListError(error, { options, revision, current: dependencies.watchCache.revision });
  }
}

function translateListError(
  error: unknown,
  about: { options: ReadOptions; revision: number; current: number },
): unknown {
  if (!(error instanceof StorageError)) return error;
  if (error.code === 'future-revision') {
    return errors.tooLargeResourceVersion(formatResourceVersion(about.revision), formatResourceVersion(about.current));
  }
  if (error.code !== 'compacted') return errors.internalServerError(error.message);
  if (about.options.continue === '') return errors.expired(`The resourceVersion for the provided list is too old.`);
  return expiredContinue(about.options.continue);
}

/** 410 with a token that goes on from the same key in the present state (apiserver `handleCompactedErrorForPaging`). */
function expiredContinue(token: string): errors.ApiError {
  const { startKey } = decodeContinueToken(token);
  const error = errors.expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
      'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
      'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
      'deleted between the time the first chunk was returned and now may show up in the list.',
  );
  error.status.metadata['continue'] = encodeContinueToken({ revision: 0, startKey });
  return error;
}

/** All objects that match, for deletecollection. */
export async function matchingObjects(
  context: RequestContext,
  kind: ServedKind,
  dependencies: VerbDependencies,
): Promise<ApiObject[]> {
  const page = await readPage(context, kind, { dependencies, options: readOptionsOf(context, kind) });
  return page.objects.map((object) => object.object());
}
