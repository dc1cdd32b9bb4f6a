/** GET of a collection with `watch=true`: a stream of events from a revision on (apiserver `endpoints/handlers/watch.go`). */
import type { ApiResponse, WatchEvent } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { ApiError, internalServerError } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import { deepFreeze } from '../../base/freeze.ts';
import { formatResourceVersion } from '../cacher/codec.ts';
import type { Delivery, Watcher } from '../cacher/watcher.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { includeObjectOf, mediaTypeFor } from '../render/render.ts';
import type { IncludeObject } from '../render/table.ts';
import { columnDefinitions, partialMetadata, tableOf, tableRow } from '../render/table.ts';
import type { RequestContext } from '../request-context.ts';
import type { VerbDependencies } from './dependencies.ts';
import type { ReadOptions } from './list-options.ts';
import { filterOf, keyPrefixOf, readOptionsOf } from './list-options.ts';

/** Watches end by themselves after 30 to 60 minutes, so that clients spread out again (`minRequestTimeout`). */
const MIN_TIMEOUT_SECONDS = 1800;
/**
 * After a write a stream gathers what follows for a moment, the longer the more watchers the kind has: a write costs the
 * same for one event as for five. The first event after a pause is never delayed.
 */
const FEW_WATCHERS = 100;
const WATCHERS_PER_MS = 20;
const MAX_GATHER_MS = 50;

export async function watch(
  context: RequestContext,
  kind: ServedKind,
  dependencies: VerbDependencies,
): Promise<ApiResponse> {
  const options = readOptionsOf(context, kind);
  const watcher = await startWatch(context, kind, { options, dependencies });
  const timeoutMs =
    1000 * (options.timeoutSeconds || MIN_TIMEOUT_SECONDS * (1 + (dependencies.clock.now() % 1000) / 1000));
  const cancelTimeout = dependencies.clock.setTimeout(() => watcher.end(), timeoutMs);
  context.request.signal.addEventListener('abort', cancelTimeout, { once: true });
  if (context.request.wantsObjects === true) {
    return { status: 200, headers: {}, body: { type: 'events', batches: batchesOf(watcher, kind) } };
  }
  const encode = frameEncoder(context, kind, dependencies.clock);
  const frames = framesOf(watcher, { encode, kind, clock: dependencies.clock });
  return { status: 200, headers: {}, body: { type: 'watch', frames, contentType: 'application/json' } };
}

async function startWatch(
  context: RequestContext,
  kind: ServedKind,
  { options, dependencies }: { options: ReadOptions; dependencies: VerbDependencies },
): Promise<Watcher> {
  const { watchCache } = dependencies;
  const { revision, sendInitialEvents } = options;
  if (revision === undefined || revision === 0) {
    if (revision === undefined) await watchCache.freshen();
  } else {
    await watchCache.waitFor(revision);
  }
  const only = options.fieldSelector.requirements.find(({ operator }) => operator === '=');
  return kind.cache.watch(
    {
      ...(only && { only }),
      initialEvents: sendInitialEvents ?? (revision === undefined || revision === 0),
      markInitialEventsEnd: sendInitialEvents === true && options.allowWatchBookmarks,
      afterRevision: revision === undefined || revision === 0 ? watchCache.revision : revision,
      filter: namespaceFilter(context, kind, options),
      bookmarks: options.allowWatchBookmarks,
      keyPrefix: keyPrefixOf(context, kind),
      signal: context.request.signal,
    },
    watchCache.revision,
  );
}

function namespaceFilter(context: RequestContext, kind: ServedKind, options: ReadOptions): ReturnType<typeof filterOf> {
  const selects = filterOf(kind, options);
  const prefix = keyPrefixOf(context, kind);
  if (prefix === kind.cache.keyPrefix) return selects;
  return (object) => object.key.startsWith(prefix) && (selects === undefined || selects(object));
}

function bookmarkObject(
  kind: ServedKind,
  { revision, initialEventsEnd }: { revision: number; initialEventsEnd: boolean },
): ApiObject {
  return {
    kind: kind.groupKind.kind,
    apiVersion: kind.apiVersion,
    metadata: {
      resourceVersion: formatResourceVersion(revision),
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  };
}

async function* batchesOf(watcher: Watcher, kind: ServedKind): AsyncIterable<readonly WatchEvent[]> {
  try {
    for (let batch = await watcher.take(); batch !== undefined; batch = await watcher.take()) {
      yield batch.map((delivery) => decodedEvent(delivery, kind));
    }
  } finally {
    watcher.end();
  }
}

function decodedEvent(delivery: Delivery, kind: ServedKind): WatchEvent {
  if (delivery.type === 'BOOKMARK') return { type: 'BOOKMARK', object: deepFreeze(bookmarkObject(kind, delivery)) };
  return { type: delivery.type, object: delivery.object.object() };
}

type FrameEncoder = (delivery: Delivery) => Uint8Array;

function frame(type: string, object: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, FRAME_END]);
}

const FRAME_END = Buffer.from('}\n');

/** Plain JSON frames are encoded once for all watchers; tables and metadata for each. */
function frameEncoder(context: RequestContext, kind: ServedKind, clock: Clock): FrameEncoder {
  const { as } = mediaTypeFor(context);
  const include = includeObjectOf(context);
  let definitionsSent = false;
  return (delivery) => {
    if (delivery.type === 'BOOKMARK') {
      return frame('BOOKMARK', json(shape(bookmarkObject(kind, delivery))));
    }
    const { type, object, event } = delivery;
    if (as !== 'object') return frame(type, json(shape(object.object())));
    const encode = (): Uint8Array => frame(type, object.bytes());
    return event === undefined ? encode() : event.frame(frameKey(type), encode);
  };

  /** Views of a kind share its events, not their bytes. */
  function frameKey(type: string): string {
    return kind.resource.view === undefined ? type : `${type} ${kind.apiVersion}`;
  }

  function shape(object: ApiObject): unknown {
    if (as === 'metadata') return partialMetadata(object);
    if (as === 'object') return object;
    const definitions = definitionsSent ? [] : columnDefinitions(kind.resource);
    definitionsSent = true;
    return tableEvent(kind, object, { definitions, include, nowMs: clock.now() });
  }
}

function tableEvent(
  kind: ServedKind,
  object: ApiObject,
  {
    definitions,
    include,
    nowMs,
  }: { definitions: ReturnType<typeof columnDefinitions>; include: IncludeObject; nowMs: number },
): unknown {
  const { resourceVersion } = object.metadata;
  return tableOf(definitions, { resourceVersion }, [tableRow(kind.resource, object, { nowMs, include })]);
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** 0 when each event is to go out at once. */
export function gatherMsFor(watcherCount: number): number {
  return watcherCount <= FEW_WATCHERS ? 0 : Math.min(MAX_GATHER_MS, Math.ceil(watcherCount / WATCHERS_PER_MS));
}

async function* framesOf(
  watcher: Watcher,
  { encode, kind, clock }: { encode: FrameEncoder; kind: ServedKind; clock: Clock },
): AsyncIterable<Uint8Array> {
  try {
    for (let batch = await watcher.take(); batch !== undefined; batch = await watcher.take()) {
      yield batch.length === 1 ? encode(batch[0]!) : Buffer.concat(batch.map(encode));
      const gatherMs = gatherMsFor(kind.cache.watcherCount);
      if (gatherMs > 0) await sleep(clock, gatherMs);
    }
  } catch (error) {
    const status = error instanceof ApiError ? error.status : internalServerError('the watch failed').status;
    yield frame('ERROR', json(status));
  } finally {
    watcher.end();
  }
}
