/** The model's reads and writes: each asks, and gives the check of its answer for when the history is complete. */
import { ask, collectionPath, placeOf, selectorQuery } from './api-servers.ts';
import type { Answer, ApiCall, ModelServer } from './api-servers.ts';
import { KEYS, ModelViolation, SELECTIONS } from './history.ts';
import type { Content, History, Selection } from './history.ts';
import { contentOfMetadata } from './recorded-storage.ts';
import type { ModelMetadata } from './recorded-storage.ts';

/** What a check may refer to. */
export interface World {
  history: History;
  /** The highest revision that a compaction has been asked for. */
  compactionAsked: number;
  /** A commit may have been made to fail. */
  writesMayFail: boolean;
}

export type Check = (world: World) => void;

/** Who asks, and what every client may already know when it does. */
export interface Asking {
  server: ModelServer;
  acknowledged: number;
  dice: readonly [number, number, number, number];
}

export interface ListBody {
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: { metadata: ModelMetadata }[];
}

/** A list whose further pages are to be asked for. */
export interface Paging {
  selection: Selection;
  revision: number;
  /** In key order; what the pages before gave. */
  seen: number;
  /** Pages do not begin before this key. */
  fromKey: string;
  token: string;
}

const nothing: Check = () => undefined;

export function pick<T>(items: readonly T[], die: number): T {
  return items[Math.floor(die * items.length)]!;
}

function isGone(answer: Answer | 'gone'): answer is 'gone' {
  return answer === 'gone' || answer.status === 503;
}

function fail(call: ApiCall, answer: Answer, why: string): never {
  const { method, path, query = {} } = call;
  const { message } = answer.body as { message?: string };
  const text = message === undefined ? JSON.stringify(answer.body).slice(0, 300) : message;
  throw new ModelViolation(`${method} ${path}?${new URLSearchParams(query)} → ${answer.status} ${text}: ${why}`);
}

export async function write(what: 'create' | 'update' | 'delete', asking: Asking, mark: string): Promise<Check> {
  const { dice, server, acknowledged } = asking;
  const key = pick(KEYS, dice[0]);
  const { plural, namespace, name } = placeOf(key);
  const path = collectionPath({ plural, namespace });
  const content = { mark, group: pick(['a', 'b', 'c'], dice[1]) };
  const known = await knownRevision(asking, key);
  const metadata = { namespace, name, labels: { group: content.group }, annotations: { mark } };
  const conditional = known === undefined ? {} : { resourceVersion: known };
  const calls: Record<typeof what, ApiCall> = {
    create: { method: 'POST', path, object: { metadata } },
    update: { method: 'PUT', path: `${path}/${name}`, object: { metadata: { ...metadata, ...conditional } } },
    delete: {
      method: 'DELETE',
      path: `${path}/${name}`,
      object: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: conditional },
    },
  };
  const call = calls[what];
  const answer = await ask(server, call);
  if (isGone(answer)) return nothing;
  const expected = what === 'create' ? undefined : known;
  return (world) => checkWrite(world, { call, answer, key, content, acknowledged, expected });
}

/** What the writer believes the key's resourceVersion to be; undefined for a write without a condition. */
async function knownRevision({ server, dice }: Asking, key: string): Promise<string | undefined> {
  if (dice[2] < 0.4) return undefined;
  const { plural, namespace, name } = placeOf(key);
  const path = `${collectionPath({ plural, namespace })}/${name}`;
  const answer = await ask(server, { method: 'GET', path, query: { resourceVersion: '0' } });
  if (answer === 'gone' || answer.status !== 200) return undefined;
  const current = (answer.body as { metadata: ModelMetadata }).metadata.resourceVersion;
  return dice[2] < 0.5 ? `${Math.max(1, Number(current) - 1)}` : current;
}

interface WriteAnswer {
  call: ApiCall;
  answer: Answer;
  key: string;
  content: Content;
  acknowledged: number;
  expected: string | undefined;
}

function checkWrite({ history, writesMayFail }: World, about: WriteAnswer): void {
  const { call, answer, key, content, acknowledged, expected } = about;
  const states = history.statesBetween(key, acknowledged, history.revision);
  const isNew = (at: { revision: number }): boolean => at.revision > acknowledged;
  switch (answer.status) {
    case 200:
    case 201: {
      const isDelete = call.method === 'DELETE';
      const written = states.some(
        (at) => isNew(at) && (isDelete ? at.content === undefined : at.content?.mark === content.mark),
      );
      if (!written) fail(call, answer, 'it did not happen');
      return;
    }
    case 404:
      if (call.method !== 'POST' && states.some((at) => at.content === undefined)) return;
      return fail(call, answer, 'it was there all the time');
    case 409: {
      const isJust = states.some((at) => at.content !== undefined && `${at.revision}` !== expected);
      if (isJust && (call.method === 'POST' || expected !== undefined)) return;
      return fail(call, answer, 'there was no reason');
    }
    default:
      if (answer.status !== 500 || !writesMayFail) fail(call, answer, 'no commit was made to fail');
  }
}

export async function get({ server, acknowledged, dice }: Asking): Promise<Check> {
  const key = pick(KEYS, dice[0]);
  const { plural, namespace, name } = placeOf(key);
  const isAny = dice[1] < 0.3;
  const query: Record<string, string> = isAny ? { resourceVersion: '0' } : {};
  const call = { method: 'GET', path: `${collectionPath({ plural, namespace })}/${name}`, query };
  const answer = await ask(server, call);
  if (isGone(answer)) return nothing;
  return ({ history }) => {
    const states = history.statesBetween(key, isAny ? server.floor : acknowledged, history.revision);
    if (answer.status === 404 && states.some((at) => at.content === undefined)) return;
    if (answer.status !== 200) fail(call, answer, 'it was there all the time');
    const { metadata } = answer.body as { metadata: ModelMetadata };
    const { mark } = contentOfMetadata(metadata);
    const wasSo = states.some((at) => `${at.revision}` === metadata.resourceVersion && at.content?.mark === mark);
    if (!wasSo) fail(call, answer, `it was ${JSON.stringify(states)} since ${acknowledged}`);
  };
}

type Mode = 'recent' | 'any' | 'exact' | 'notOlder' | 'future';

function modeOf(die: number): Mode {
  if (die < 0.35) return 'recent';
  if (die < 0.45) return 'any';
  if (die < 0.75) return 'exact';
  return die < 0.9 ? 'notOlder' : 'future';
}

export interface Listing extends Asking {
  /** No exact list from before it: the model does not know that state. */
  oldest: number;
  limit: number;
  /** Called with what the next page needs. */
  onPage: (paging: Paging) => void;
}

/** `isFuture`: the answer may take the server's whole time limit. */
export function startList(listing: Listing): { isFuture: boolean; check: Promise<Check> } {
  const { dice, acknowledged, oldest, limit, server } = listing;
  const selection = pick(SELECTIONS, dice[0]);
  const mode = modeOf(dice[1]);
  const back = Math.floor(dice[2] ** 3 * Math.min(300, acknowledged - oldest));
  const ahead = dice[2] < 0.5 ? 1 + Math.floor(dice[3] * 5) : 1_000_000;
  // Lists at the same revision meet in what servers keep of it.
  const then = acknowledged - back - (dice[3] < 0.7 ? (acknowledged - back) % 8 : 0);
  const revision = mode === 'future' ? acknowledged + ahead : Math.max(oldest, then);
  const query = {
    ...selectorQuery(selection),
    ...queryOfMode(mode, revision),
    ...(limit > 0 ? { limit: `${limit}` } : {}),
  };
  const call = { method: 'GET', path: collectionPath(selection), query };
  const check = ask(server, call).then((answer): Check => {
    if (isGone(answer)) return nothing;
    return (world) => checkList(world, { ...listing, call, answer, mode, revision, selection });
  });
  return { isFuture: mode === 'future', check };
}

function queryOfMode(mode: Mode, revision: number): Record<string, string> {
  if (mode === 'recent') return {};
  if (mode === 'any') return { resourceVersion: '0' };
  const match = mode === 'exact' ? 'Exact' : 'NotOlderThan';
  return { resourceVersion: `${revision}`, resourceVersionMatch: match };
}

interface ListAnswer extends Listing {
  call: ApiCall;
  answer: Answer;
  mode: Mode;
  revision: number;
  selection: Selection;
}

function checkList(world: World, about: ListAnswer): void {
  const { call, answer, mode, revision, selection, server, acknowledged } = about;
  if (answer.status === 504 && mode === 'future') return;
  if (answer.status === 410 && mode === 'exact' && revision < world.compactionAsked) return;
  if (answer.status !== 200) fail(call, answer, `it is not allowed (compacted: ${world.compactionAsked})`);
  const at = Number((answer.body as ListBody).metadata.resourceVersion);
  const floors: Record<Mode, number> = {
    recent: acknowledged,
    any: server.floor,
    exact: revision,
    notOlder: revision,
    future: revision,
  };
  if (at < floors[mode]) fail(call, answer, `it is older than ${floors[mode]}`);
  if (at > world.history.revision || (mode === 'exact' && at !== revision)) fail(call, answer, `it is at ${at}`);
  const paging = { selection, revision: at, seen: 0, fromKey: '', token: '' };
  checkPage(world, { call, answer, paging, limit: about.limit, onPage: about.onPage });
}

interface PageAnswer {
  call: ApiCall;
  answer: Answer;
  paging: Paging;
  limit: number;
  onPage: (paging: Paging) => void;
}

function checkPage({ history }: World, { call, answer, paging, limit, onPage }: PageAnswer): void {
  const { metadata, items } = answer.body as ListBody;
  const { selection, revision, seen, fromKey } = paging;
  const all = history.stateAt(selection, revision).filter(({ key }) => key >= fromKey);
  const expected = all.slice(seen, limit > 0 ? seen + limit : all.length);
  const wanted = expected.map((one) => `${one.key}@${one.revision}=${one.content.mark}`).join(' ');
  const got = items.map((one) => textOf(selection, one.metadata)).join(' ');
  if (got !== wanted) fail(call, answer, `at ${revision} there was ${wanted}, not ${got}`);
  const left = all.length - seen - expected.length;
  if (metadata.continue === undefined) {
    if (left > 0) fail(call, answer, `${left} more were to come`);
    return;
  }
  const isSelective = selection.labelSelector !== '' || selection.fieldSelector !== '';
  if (!isSelective && metadata.remainingItemCount !== left) fail(call, answer, `${left} remained`);
  onPage({ ...paging, seen: seen + expected.length, token: metadata.continue });
}

function textOf({ plural }: Selection, metadata: ModelMetadata): string {
  const { namespace, name, resourceVersion } = metadata;
  return `/registry/${plural}/${namespace}/${name}@${resourceVersion}=${contentOfMetadata(metadata).mark}`;
}

/** The next page; a token that has expired brings the one that goes on in the present. */
export async function nextPage(paging: Paging, listing: Listing): Promise<Check> {
  const { server, acknowledged, limit, onPage } = listing;
  const { selection, token } = paging;
  const query = { ...selectorQuery(selection), continue: token, limit: `${limit}` };
  const call = { method: 'GET', path: collectionPath(selection), query };
  const answer = await ask(server, call);
  if (isGone(answer)) return nothing;
  return (world) => {
    const { metadata } = answer.body as ListBody;
    if (answer.status === 410 && paging.revision > 0 && paging.revision < world.compactionAsked) {
      if (metadata.continue === undefined) fail(call, answer, 'there is no token to go on with');
      const all = world.history.stateAt(selection, paging.revision).filter(({ key }) => key >= paging.fromKey);
      const fromKey = all[paging.seen]?.key ?? '';
      // A selector leaves out what the token's key may be.
      if (selection.labelSelector === '' && selection.fieldSelector === '') {
        onPage({ selection, revision: 0, seen: 0, fromKey, token: metadata.continue! });
      }
      return;
    }
    if (answer.status !== 200) fail(call, answer, `the snapshot ${paging.revision} is not compacted`);
    const at = Number(metadata.resourceVersion);
    if (paging.revision > 0 && at !== paging.revision) fail(call, answer, `the pages before are at ${paging.revision}`);
    if (paging.revision === 0 && (at < acknowledged || at > world.history.revision))
      fail(call, answer, 'it is not now');
    checkPage(world, { call, answer, paging: { ...paging, revision: at }, limit, onPage });
  };
}
