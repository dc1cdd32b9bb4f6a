/** GET of a collection with `watch=true`: a stream of events from a revision on (apiserver `endpoints/handlers/watch.go`). */
import type { ApiResponse, WatchEvent } from '../../api/machinery/handler.ts';
import { ApiError, internalServerError } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import { deepFreeze } from '../../base/freeze.ts';
import type { Delivery, EventSource } from '../cacher/watcher.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { bookmarkObject, framesFor } from '../render/watch-frames.ts';
import type { WatchFrames } from '../render/watch-frames.ts';
import { acceptsWebSocket, watchOverWebSocket, watchProtocol } from '../render/watch-web-socket.ts';
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
  const { request } = context;
  const inProcess = request.wantsObjects === true;
  // Before the watch begins: what cannot be answered must not be kept.
  const encoding = inProcess ? undefined : framesFor(context, kind, dependencies.clock);
  const isWebSocket = !inProcess && acceptsWebSocket(request);
  if (isWebSocket) watchProtocol(request);
  const watcher = await startWatch(context, kind, { options, dependencies });
  const timeoutMs =
    1000 * (options.timeoutSeconds || MIN_TIMEOUT_SECONDS * (1 + (dependencies.clock.now() % 1000) / 1000));
  const cancelTimeout = dependencies.clock.setTimeout(() => watcher.end(), timeoutMs);
  request.signal.addEventListener('abort', cancelTimeout, { once: true });
  if (encoding === undefined)
    return { status: 200, headers: {}, body: { type: 'events', batches: batchesOf(watcher, kind) } };
  const batches = framesOf(watcher, { encoding, kind, clock: dependencies.clock });
  if (isWebSocket) return watchOverWebSocket(request, { batches, message: encoding.message });
  const { contentType } = encoding;
  return { status: 200, headers: {}, body: { type: 'watch', frames: joined(batches), contentType } };
}

async function startWatch(
  context: RequestContext,
  kind: ServedKind,
  { options, dependencies }: { options: ReadOptions; dependencies: VerbDependencies },
): Promise<EventSource> {
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
      filter: filterOf(kind, options),
      bookmarks: options.allowWatchBookmarks,
      keyPrefix: keyPrefixOf(context, kind),
      signal: context.request.signal,
    },
    watchCache.revision,
  );
}

async function* batchesOf(watcher: EventSource, kind: ServedKind): AsyncIterable<readonly WatchEvent[]> {
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

/** 0 when each event is to go out at once. */
export function gatherMsFor(watcherCount: number): number {
  return watcherCount <= FEW_WATCHERS ? 0 : Math.min(MAX_GATHER_MS, Math.ceil(watcherCount / WATCHERS_PER_MS));
}

/** The frames of what has happened since the last; `gatherMs` after it was asked for, the next. */
async function* framesOf(
  watcher: EventSource,
  { encoding, kind, clock }: { encoding: WatchFrames; kind: ServedKind; clock: Clock },
): AsyncIterable<readonly Uint8Array[]> {
  try {
    for (let batch = await watcher.take(); batch !== undefined; batch = await watcher.take()) {
      yield batch.map((delivery) => encoding.event(delivery));
      const gatherMs = gatherMsFor(kind.cache.watcherCount);
      if (gatherMs > 0) await sleep(clock, gatherMs);
    }
  } catch (error) {
    const status = error instanceof ApiError ? error.status : internalServerError('the watch failed').status;
    yield [encoding.error(status)];
  } finally {
    watcher.end();
  }
}

async function* joined(batches: AsyncIterable<readonly Uint8Array[]>): AsyncIterable<Uint8Array> {
  for await (const frames of batches) yield frames.length === 1 ? frames[0]! : Buffer.concat(frames);
}
