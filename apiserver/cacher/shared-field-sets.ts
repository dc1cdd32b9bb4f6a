/**
 * `fieldsV1` of managedFields is half of a small object, and the same in most objects of a kind. It is decoded once for
 * each text, frozen, and shared by all objects that hold it.
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { deepFreeze } from '../../base/freeze.ts';

const MANAGED_FIELDS = '"managedFields":[';
const FIELDS_V1 = '"fieldsV1":';
/** Texts remembered; the oldest is forgotten for the next. Long ones, which are rarely the same, are not. */
const MAX_TEXTS = 4096;
const MAX_TEXT_LENGTH = 4096;

const known = new Map<string, object>();
/** The shared sets of frozen ones that are equal. */
const shareable = new WeakMap<object, object>();
const EMPTY = Object.freeze({});

/**
 * `JSON.parse`, with each `fieldsV1` of `metadata.managedFields` shared and frozen; the rest is the caller's own.
 * Throws SyntaxError.
 */
export function parseSharingFieldSets(text: string): ApiObject {
  const begin = text.indexOf(MANAGED_FIELDS);
  if (begin < 0) return JSON.parse(text) as ApiObject;
  const shared: object[] = [];
  let rest = '';
  let from = 0;
  // Within a string its quotes would be escaped: this is a key.
  for (let at = text.indexOf(FIELDS_V1, begin); at >= 0; at = text.indexOf(FIELDS_V1, from)) {
    const start = at + FIELDS_V1.length;
    const end = endOfObject(text, start);
    if (end < 0) return JSON.parse(text) as ApiObject;
    shared.push(fieldSet(text.slice(start, end)));
    rest += `${text.slice(from, start)}null`;
    from = end;
  }
  const object = JSON.parse(rest + text.slice(from)) as ApiObject;
  return putBack(object, shared) ? object : (JSON.parse(text) as ApiObject);
}

/** Gives an object that has not been decoded the sets that decoded ones share; frozen entries have theirs. */
export function shareFieldSets({ metadata }: ApiObject): void {
  const { managedFields } = metadata;
  if (managedFields === undefined || Object.isFrozen(managedFields)) return;
  for (const entry of managedFields) {
    const { fieldsV1 } = entry;
    if (fieldsV1 === undefined || fieldsV1 === null || Object.isFrozen(entry)) continue;
    let shared = shareable.get(fieldsV1);
    if (shared === undefined) {
      shared = fieldSet(JSON.stringify(fieldsV1));
      // Of what is not frozen, the next look may find something else.
      if (Object.isFrozen(fieldsV1)) shareable.set(fieldsV1, shared);
    }
    entry.fieldsV1 = shared as NonNullable<typeof fieldsV1>;
  }
}

/** False when they were not all where they belong: some other field has that name. */
function putBack({ metadata }: ApiObject, shared: readonly object[]): boolean {
  const holders = (metadata.managedFields ?? []).filter(({ fieldsV1 }) => fieldsV1 === null);
  if (holders.length !== shared.length) return false;
  holders.forEach((holder, i) => {
    holder.fieldsV1 = shared[i] as NonNullable<typeof holder.fieldsV1>;
  });
  return true;
}

/** Behind the object that begins at `start`; -1 where none does. */
function endOfObject(text: string, start: number): number {
  if (text.charCodeAt(start) !== 0x7b) return -1;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x7b) depth++;
    else if (code === 0x7d && --depth === 0) return at + 1;
  }
  return -1;
}

/** At the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}

function fieldSet(text: string): object {
  const found = known.get(text);
  if (found !== undefined) return found;
  const parsed = deepFreeze(withOneEmpty(JSON.parse(text) as Record<string, unknown>));
  if (text.length > MAX_TEXT_LENGTH) return parsed;
  if (known.size >= MAX_TEXTS) known.delete(known.keys().next().value!);
  // A copy: a slice would keep the whole text that it was cut from.
  known.set(Buffer.from(text).toString(), parsed);
  return parsed;
}

/** Its leaves are all the same empty object. */
function withOneEmpty(node: Record<string, unknown>): Record<string, unknown> {
  for (const key in node) {
    const child = node[key];
    if (typeof child !== 'object' || child === null || Array.isArray(child)) continue;
    node[key] = Object.keys(child).length === 0 ? EMPTY : withOneEmpty(child as Record<string, unknown>);
  }
  return node;
}
