/**
 * A client that watches one selection, and checks what it is sent against the history: the initial state, then every
 * event after it once and in order, bookmarks never ahead of them. It goes on where it was when a watch ends, and
 * begins anew after 410.
 */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import { ApiError } from '../../api/machinery/errors.ts';
import { bodyOf, collectionPath, MAX_QUEUED, requestOf, selectorQuery } from './api-servers.ts';
import type { ModelServer } from './api-servers.ts';
import { indexAfter, ModelViolation, SELECTIONS } from './history.ts';
import type { ExpectedEvent, History, Selection } from './history.ts';
import { contentOfMetadata } from './recorded-storage.ts';
import type { ModelMetadata } from './recorded-storage.ts';

/** How a watch begins. `replay`: initial events without a mark at their end, as older clients ask for them. */
export type WatchStart =
  | { from: 'now' }
  | { from: 'revision'; revision: number }
  | { from: 'initial'; notOlderThan: number }
  | { from: 'replay'; resourceVersion: '' | '0' };

export interface Received {
  type: string;
  object: { metadata: ModelMetadata; code?: number; message?: string };
}

/** A watch that has ended or was refused; `code` is absent when it ended without an error. */
interface Ending {
  code?: number;
  message?: string;
}

type Position =
  /** The start lies between two revisions: the first event tells. */
  | { at: 'somewhere'; low: number; high: number }
  /** Index into the selection's stream. */
  | { at: 'index'; index: number }
  /** Initial events are being received; the state that they make up. */
  | { at: 'initial'; low: number; isMarked: boolean; state: Map<string, ModelMetadata> };

export class Observer {
  readonly name: string;
  readonly #selection: Selection;
  readonly #stream: ExpectedEvent[];
  readonly #history: History;
  readonly #takesBytes: boolean;
  #server: ModelServer | undefined;
  /** Of the server, when the watch was opened. */
  #reloads = 0;
  #stop = new AbortController();
  #inbox: Received[] = [];
  #ending: Ending | undefined;
  #position: Position = { at: 'somewhere', low: 0, high: 0 };
  #lastRevision = 0;
  /** The watch was opened at a revision that was not yet. */
  #wasAhead = false;
  #stalled = false;
  #goOn: () => void = () => undefined;
  deliveries = 0;
  expirations = 0;

  constructor(name: string, options: { selection: number; history: History; takesBytes: boolean }) {
    this.name = name;
    this.#selection = SELECTIONS[options.selection]!;
    this.#stream = options.history.streams[options.selection]!;
    this.#history = options.history;
    this.#takesBytes = options.takesBytes;
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** Where the next watch has to begin. */
  nextStart(): WatchStart {
    if (this.#ending?.code === 410 || this.#position.at !== 'index') {
      return { from: 'initial', notOlderThan: this.#lastRevision };
    }
    return { from: 'revision', revision: this.#lastRevision };
  }

  stall(): void {
    this.#stalled = true;
  }

  resume(): void {
    this.#stalled = false;
    this.#goOn();
  }

  close(): void {
    this.#stop.abort();
    this.resume();
  }

  /** Resolves when the server has answered. `acknowledged`: what every client may already know. */
  async open(server: ModelServer, start: WatchStart, acknowledged: number): Promise<void> {
    this.#server = server;
    this.#reloads = server.reloads;
    this.#stop = new AbortController();
    this.#ending = undefined;
    this.#stalled = false;
    const path = collectionPath(this.#selection);
    const query = { ...selectorQuery(this.#selection), ...queryOf(start), watch: 'true', timeoutSeconds: '99999999' };
    const request = requestOf({ method: 'GET', path, query }, this.#stop.signal);
    this.#position = positionOf(start, Math.max(acknowledged, this.#lastRevision));
    this.#wasAhead = start.from === 'revision' && start.revision > acknowledged;
    if (start.from === 'revision') this.#lastRevision = start.revision;
    const handled = server.handler({ ...request, wantsObjects: !this.#takesBytes });
    const response = await Promise.race([handled, server.gone]);
    if (start.from === 'now') this.#position = { ...this.#position, high: server.watchCache.revision } as Position;
    if (response === 'gone') this.#ending = {};
    else if (response.status >= 400) this.#ending = bodyOf(response) as Ending;
    else void this.#consume(response);
  }

  async #consume(response: ApiResponse): Promise<void> {
    const stop = this.#stop;
    const iterator = batchesOf(response)[Symbol.asyncIterator]();
    try {
      for (;;) {
        while (this.#stalled) await new Promise<void>((resolve) => (this.#goOn = resolve));
        const { value, done } = await iterator.next();
        // Another watch has taken this one's place.
        if (stop !== this.#stop) return;
        if (done === true) break;
        for (const one of value) this.#inbox.push(one);
      }
      this.#ending = {};
    } catch (error) {
      if (stop !== this.#stop) return;
      this.#ending = error instanceof ApiError ? error.status : { code: 500, message: String(error) };
    }
  }

  /** Checks what has arrived; with `isQuiet`, that nothing is missing either. Call when the history is complete. */
  check(isQuiet: boolean): void {
    const received = this.#inbox;
    this.#inbox = [];
    const { low, high } = this.#position as Position & { at: 'somewhere' };
    // Only now is the stream complete up to where the watch began.
    if (this.#position.at === 'somewhere' && low === high) {
      this.#position = { at: 'index', index: indexAfter(this.#stream, low) };
      this.#lastRevision = low;
    }
    for (const one of received) {
      this.deliveries++;
      if (one.type === 'BOOKMARK') this.#checkBookmark(one.object.metadata);
      else if (one.type === 'ERROR') this.#ending = one.object;
      else this.#checkEvent(one.type, one.object.metadata);
    }
    if (this.#stop.signal.aborted) return;
    if (this.#ending !== undefined) this.#checkEnding(this.#ending);
    else if (isQuiet && !this.#stalled) this.#checkComplete();
  }

  #checkEvent(type: string, metadata: ModelMetadata): void {
    const revision = Number(metadata.resourceVersion);
    if (this.#position.at === 'initial') {
      this.#collect(this.#position, type, metadata);
      return;
    }
    if (this.#position.at === 'somewhere') {
      const { low, high } = this.#position;
      const index = indexAfter(this.#stream, revision - 1);
      if (index < indexAfter(this.#stream, low) || index > indexAfter(this.#stream, high)) {
        this.#fail(`began with revision ${revision}, though it was opened between ${low} and ${high}`);
      }
      this.#position = { at: 'index', index };
    }
    const expected = this.#stream[this.#position.index++];
    if (expected === undefined || !isSameEvent(expected, type, metadata)) {
      const got = `${type} ${metadata.namespace}/${metadata.name} at ${revision}, ${textOf(metadata)}`;
      const wanted = expected === undefined ? 'nothing' : `${expected.type} ${expected.key} at ${expected.revision}`;
      this.#fail(`was sent ${got} after ${this.#lastRevision}; expected ${wanted} (${expected?.content.mark})`);
    }
    this.#lastRevision = revision;
  }

  #collect({ state, isMarked }: Position & { at: 'initial' }, type: string, metadata: ModelMetadata): void {
    const key = `${metadata.namespace}/${metadata.name}`;
    const known = state.get(key);
    const isNewer = known === undefined || Number(metadata.resourceVersion) > Number(known.resourceVersion);
    if (!isNewer || (isMarked && (type !== 'ADDED' || known !== undefined))) {
      this.#fail(`was sent ${type} ${key} at ${metadata.resourceVersion} among the initial events`);
    }
    if (type === 'DELETED') state.delete(key);
    else state.set(key, metadata);
  }

  #checkBookmark({ resourceVersion, annotations }: ModelMetadata): void {
    const revision = Number(resourceVersion);
    if (revision < this.#lastRevision) this.#fail(`was sent a bookmark at ${revision} after ${this.#lastRevision}`);
    if (revision > this.#history.revision) this.#fail(`was sent a bookmark at ${revision}, which is not yet`);
    const isEnd = annotations?.['k8s.io/initial-events-end'] === 'true';
    const position = this.#position;
    if (position.at === 'initial') {
      if (!position.isMarked) return;
      if (!isEnd) this.#fail('was sent a bookmark before the end of the initial events');
      if (revision < position.low) this.#fail(`was sent the state at ${revision}, older than ${position.low}`);
      this.#settleAt(position.state, revision);
      return;
    }
    if (isEnd) this.#fail('was told of the end of initial events once more');
    const index = position.at === 'index' ? position.index : indexAfter(this.#stream, position.high);
    const next = this.#stream[index];
    if (next !== undefined && next.revision <= revision) {
      this.#fail(`was sent a bookmark at ${revision} before ${next.type} ${next.key} at ${next.revision}`);
    }
    // Nothing of the selection lies between where the watch is and the bookmark.
    this.#position = { at: 'index', index: indexAfter(this.#stream, revision) };
    this.#lastRevision = revision;
  }

  /** The initial events make up the state at a revision. */
  #settleAt(state: Map<string, ModelMetadata>, revision: number): void {
    const expected = this.#history.stateAt(this.#selection, revision);
    const got = [...state.values()].map((one) => `${one.namespace}/${one.name}@${one.resourceVersion}=${textOf(one)}`);
    const wanted = expected.map(({ key, revision: at, content }) => {
      const [, , , namespace, name] = key.split('/');
      return `${namespace}/${name}@${at}=${content.mark},${content.group}`;
    });
    if (got.sort().join(' ') !== wanted.sort().join(' ')) {
      this.#fail(`was sent as the state at ${revision}: ${got.join(' ')}; expected ${wanted.join(' ')}`);
    }
    this.#position = { at: 'index', index: indexAfter(this.#stream, revision) };
    this.#lastRevision = revision;
  }

  #checkComplete(): void {
    const position = this.#position;
    if (position.at === 'initial' && position.isMarked) this.#fail('was not told of the end of the initial events');
    if (position.at === 'initial') {
      this.#settleAt(position.state, this.#history.revision);
      return;
    }
    const index = position.at === 'index' ? position.index : indexAfter(this.#stream, position.high);
    const missing = this.#stream[index];
    if (missing !== undefined) this.#fail(`was never sent ${missing.type} ${missing.key} at ${missing.revision}`);
  }

  #checkEnding({ code, message }: Ending): void {
    const server = this.#server!;
    if (this.#lastRevision > this.#history.revision || (this.#wasAhead && code === 504)) {
      // It was opened at a revision that did not come in time: begin anew.
      this.#lastRevision = 0;
      this.#position = { at: 'somewhere', low: 0, high: Infinity };
      if (code === 504) return;
    }
    if (code === undefined || code === 503) {
      if (!server.hasStopped) this.#fail(`ended without need: ${code} ${message}`);
      return;
    }
    if (code !== 410) this.#fail(`ended with ${code}: ${message}`);
    this.expirations++;
    if (!this.#mayExpire(server)) this.#fail(`was refused at ${this.#lastRevision} without need: ${message}`);
  }

  #mayExpire(server: ModelServer): boolean {
    if (server.windowStart > this.#lastRevision || server.reloads > this.#reloads) return true;
    const undelivered = this.#position.at === 'index' ? this.#stream.length - this.#position.index : Infinity;
    // Bookmarks take places in the queue, too.
    if (undelivered >= MAX_QUEUED / 2) return true;
    const revisions = this.#history.revisionsOf.get(this.#selection.plural)!;
    const newer = revisions.length - indexOf(revisions, this.#lastRevision);
    return newer >= 1.5 * MAX_QUEUED - 1;
  }

  #fail(text: string): never {
    const { plural, namespace, labelSelector, fieldSelector } = this.#selection;
    const of = [plural, namespace, labelSelector, fieldSelector].filter((part) => part !== '').join(' ');
    throw new ModelViolation(`${this.name}, a watch of ${of}, ${text}`);
  }
}

/** `newest`: what a watch without a revision must not be older than. */
function positionOf(start: WatchStart, newest: number): Position {
  switch (start.from) {
    case 'now':
      return { at: 'somewhere', low: newest, high: Infinity };
    case 'revision':
      return { at: 'somewhere', low: start.revision, high: start.revision };
    case 'initial': {
      const low = start.notOlderThan === 0 ? newest : start.notOlderThan;
      return { at: 'initial', low, isMarked: true, state: new Map() };
    }
    case 'replay':
      return { at: 'initial', low: 0, isMarked: false, state: new Map() };
  }
}

function queryOf(start: WatchStart): Record<string, string> {
  const bookmarks = { allowWatchBookmarks: 'true' };
  switch (start.from) {
    case 'now':
      return { ...bookmarks, sendInitialEvents: 'false', resourceVersionMatch: 'NotOlderThan' };
    case 'revision':
      return { ...bookmarks, resourceVersion: `${start.revision}` };
    case 'initial': {
      const resourceVersion = start.notOlderThan === 0 ? '' : `${start.notOlderThan}`;
      return { ...bookmarks, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', resourceVersion };
    }
    case 'replay':
      return { ...bookmarks, resourceVersion: start.resourceVersion };
  }
}

async function* batchesOf({ body }: ApiResponse): AsyncGenerator<readonly Received[]> {
  if (body.type === 'events') yield* body.batches as unknown as AsyncIterable<readonly Received[]>;
  if (body.type !== 'watch') return;
  for await (const frames of body.frames) {
    const lines = Buffer.from(frames).toString().split('\n');
    yield lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Received);
  }
}

function isSameEvent(expected: ExpectedEvent, got: string, metadata: ModelMetadata): boolean {
  const { type, revision, key, content } = expected;
  if (expected.verified === metadata) return type === got;
  const { mark, group } = contentOfMetadata(metadata);
  const isSame =
    type === got &&
    revision === Number(metadata.resourceVersion) &&
    content.mark === mark &&
    content.group === group &&
    key.endsWith(`/${metadata.namespace}/${metadata.name}`);
  if (isSame) expected.verified = metadata;
  return isSame;
}

function textOf(metadata: ModelMetadata): string {
  const { mark, group } = contentOfMetadata(metadata);
  return `${mark},${group}`;
}

function indexOf(revisions: readonly number[], after: number): number {
  let index = revisions.length;
  while (index > 0 && revisions[index - 1]! > after) index--;
  return index;
}
