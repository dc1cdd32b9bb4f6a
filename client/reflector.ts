/**
 * Keeps a copy of a kind's objects as the server has them, as a state machine (client-go `tools/cache/reflector.go`).
 *
 * Flow: stream the list (WATCH with `sendInitialEvents`) → watch from its end. A server that does not stream lists
 * is listed in pages instead. An expired watch starts over from the list; any other failure resumes where it was.
 * Guarantees: the changes, applied in order, make the copy equal to the server's state at `resourceVersion`.
 * Assumptions: the server sends every event once and in order, and says 410 when it cannot.
 *
 * `step` is pure: the loop in `reflector-loop.ts` carries out what `actionOf` says and feeds back what came of it.
 */
import { ApiError, isExpired } from '../api/machinery/errors.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';
import type { ApiObject, ApiObjectList } from '../api/machinery/meta.ts';
import { laterResourceVersion } from './resource-version.ts';

/** What arrived so far, newest first: appending costs nothing however much there is. */
export interface Received<T> {
  items: readonly T[];
  before: Received<T> | undefined;
}

/** `wait`: back off before acting. `resourceVersion`: the last one seen, `''` when the next list must be the newest. */
export type ReflectorState<T extends ApiObject = ApiObject> =
  | {
      phase: 'streaming-list';
      wait: boolean;
      resourceVersion: string;
      open: boolean;
      received: Received<WatchEvent<T>> | undefined;
    }
  | {
      phase: 'paging-list';
      wait: boolean;
      resourceVersion: string;
      continueToken: string;
      received: Received<T> | undefined;
    }
  | {
      phase: 'watching';
      wait: boolean;
      resourceVersion: string;
      open: boolean;
      /** The open watch has sent something. */
      fruitful: boolean;
      /** How to list when this watch expires. */
      streamsLists: boolean;
    };

export type ReflectorAction =
  | { type: 'stream-list'; resourceVersion: string }
  | { type: 'list-page'; resourceVersion: string; continueToken: string }
  | { type: 'watch'; resourceVersion: string }
  /** The next batch of the open watch. */
  | { type: 'read' };

export type ReflectorInput<T extends ApiObject = ApiObject> =
  | { type: 'events'; events: readonly WatchEvent<T>[] }
  | { type: 'page'; page: ApiObjectList<T> }
  /** The watch ended without an error. */
  | { type: 'ended' }
  | { type: 'failed'; error: unknown };

/** What to do to the copy. `resourceVersion` is what the copy is at afterwards. */
export type ReflectorChange<T extends ApiObject = ApiObject> =
  | { type: 'replace'; objects: readonly T[]; resourceVersion: string }
  | { type: 'apply'; events: readonly WatchEvent<T>[]; resourceVersion: string };

export interface ReflectorStep<T extends ApiObject = ApiObject> {
  state: ReflectorState<T>;
  change?: ReflectorChange<T>;
}

/** On the bookmark that ends the initial events of a streamed list. */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export function initialState<T extends ApiObject>(): ReflectorState<T> {
  return streamingList('', false);
}

export function actionOf(state: ReflectorState): ReflectorAction {
  const { resourceVersion } = state;
  switch (state.phase) {
    case 'streaming-list':
      return state.open ? { type: 'read' } : { type: 'stream-list', resourceVersion };
    case 'paging-list':
      return { type: 'list-page', resourceVersion, continueToken: state.continueToken };
    case 'watching':
      return state.open ? { type: 'read' } : { type: 'watch', resourceVersion };
  }
}

/** Pure. The input must be one that the state's action can have. */
export function step<T extends ApiObject>(state: ReflectorState<T>, input: ReflectorInput<T>): ReflectorStep<T> {
  switch (state.phase) {
    case 'streaming-list':
      return stepStreamingList(state, input);
    case 'paging-list':
      return stepPagingList(state, input);
    case 'watching':
      return stepWatching(state, input);
  }
}

type InPhase<T extends ApiObject, P extends ReflectorState['phase']> = Extract<ReflectorState<T>, { phase: P }>;

function streamingList<T extends ApiObject>(resourceVersion: string, wait: boolean): ReflectorState<T> {
  return { phase: 'streaming-list', wait, resourceVersion, open: false, received: undefined };
}

function pagingList<T extends ApiObject>(resourceVersion: string, wait: boolean): ReflectorState<T> {
  return { phase: 'paging-list', wait, resourceVersion, continueToken: '', received: undefined };
}

function stepStreamingList<T extends ApiObject>(
  state: InPhase<T, 'streaming-list'>,
  input: ReflectorInput<T>,
): ReflectorStep<T> {
  switch (input.type) {
    case 'events':
      return receiveInitialEvents(state, input.events);
    case 'failed':
      if (!streamsLists(input.error)) return { state: pagingList(state.resourceVersion, false) };
      return { state: streamingList(mustStartOver(input.error) ? '' : state.resourceVersion, true) };
    default:
      return { state: streamingList(state.resourceVersion, true) };
  }
}

function receiveInitialEvents<T extends ApiObject>(
  state: InPhase<T, 'streaming-list'>,
  events: readonly WatchEvent<T>[],
): ReflectorStep<T> {
  const end = events.findIndex(
    ({ type, object }) => type === 'BOOKMARK' && object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true',
  );
  if (end < 0) {
    const received = { items: events, before: state.received };
    return { state: { ...state, wait: false, open: true, received } };
  }
  const initial = { items: events.slice(0, end), before: state.received };
  const objects = objectsAfter(inOrder(initial));
  const resourceVersion = events[end]!.object.metadata.resourceVersion ?? '';
  const rest = events.slice(end + 1);
  // Events behind the bookmark belong to the watch; a step makes one change, so they are folded into the list.
  const folded = objectsAfter([...objects.map((object) => ({ type: 'ADDED' as const, object })), ...rest]);
  const reached = lastVersion(resourceVersion, rest);
  return {
    state: watching(reached, { open: true, streamsLists: true }),
    change: { type: 'replace', objects: rest.length === 0 ? objects : folded, resourceVersion: reached },
  };
}

function stepPagingList<T extends ApiObject>(
  state: InPhase<T, 'paging-list'>,
  input: ReflectorInput<T>,
): ReflectorStep<T> {
  if (input.type === 'failed') {
    // Pages of one list belong together: any failure starts it again.
    return { state: pagingList(mustStartOver(input.error) ? '' : state.resourceVersion, true) };
  }
  if (input.type !== 'page') return { state: pagingList(state.resourceVersion, true) };
  const { items, metadata } = input.page;
  const received = { items, before: state.received };
  const continueToken = metadata.continue ?? '';
  if (continueToken !== '') return { state: { ...state, wait: false, continueToken, received } };
  const resourceVersion = metadata.resourceVersion ?? '';
  return {
    state: watching(resourceVersion, { open: false, streamsLists: false }),
    change: { type: 'replace', objects: inOrder(received), resourceVersion },
  };
}

function watching<T extends ApiObject>(
  resourceVersion: string,
  { open, streamsLists }: { open: boolean; streamsLists: boolean },
): ReflectorState<T> {
  return { phase: 'watching', wait: false, resourceVersion, open, fruitful: false, streamsLists };
}

function stepWatching<T extends ApiObject>(state: InPhase<T, 'watching'>, input: ReflectorInput<T>): ReflectorStep<T> {
  if (input.type === 'events') {
    const resourceVersion = lastVersion(state.resourceVersion, input.events);
    const events = input.events.filter(({ type }) => type !== 'BOOKMARK');
    return {
      state: { ...state, wait: false, open: true, fruitful: true, resourceVersion },
      change: { type: 'apply', events, resourceVersion },
    };
  }
  const error = input.type === 'failed' ? input.error : undefined;
  // A watch that ends without having sent anything would be reopened in a tight loop.
  if (!mustStartOver(error)) {
    const wait = error !== undefined || !state.fruitful;
    return { state: { ...state, wait, open: false, fruitful: false } };
  }
  const resourceVersion = isTooLarge(error) ? '' : state.resourceVersion;
  const list = state.streamsLists ? streamingList : pagingList;
  return { state: list<T>(resourceVersion, !state.fruitful) };
}

function lastVersion(before: string, events: readonly WatchEvent[]): string {
  return events.reduce((last, { object }) => laterResourceVersion(last, object.metadata.resourceVersion ?? ''), before);
}

function inOrder<T>(received: Received<T> | undefined): T[] {
  const chunks: (readonly T[])[] = [];
  for (let at = received; at !== undefined; at = at.before) chunks.push(at.items);
  return chunks.reverse().flat();
}

/** What is there after the events, each object once. */
function objectsAfter<T extends ApiObject>(events: readonly WatchEvent<T>[]): T[] {
  const objects = new Map<string, T>();
  for (const { type, object } of events) {
    const key = `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`;
    if (type === 'DELETED') objects.delete(key);
    else if (type !== 'BOOKMARK') objects.set(key, object);
  }
  return [...objects.values()];
}

/** False for the answers of servers that know no `sendInitialEvents`. */
function streamsLists(error: unknown): boolean {
  return !(error instanceof ApiError && [400, 405, 422].includes(error.code));
}

/** The server is behind what was asked for: it was restored from a backup, or is another one. */
function isTooLarge(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status.details?.causes?.some(({ reason }) => reason === 'ResourceVersionTooLarge') ?? false;
}

/** Nothing can be resumed from the resourceVersion that was asked for. */
function mustStartOver(error: unknown): boolean {
  return isExpired(error) || isTooLarge(error);
}
