/**
 * Strategic merge patch: a merge patch that knows from the schema which lists merge, and by which key
 * (apimachinery `util/strategicpatch/patch.go`). Like upstream it leaves directives and nulls in what it takes over
 * whole; the decoder reports those as unknown fields, and drops them.
 */
import { ApiError, badRequest } from '../machinery/errors.ts';
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { goText, goType } from './go-text.ts';
import { cloneJson, getOwn, isObject, setOwn } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { identityOf, orderItems } from './list-order.ts';

export interface StrategicMergePatch {
  original: unknown;
  patch: unknown;
  /** The kind's model name, or a schema of its own. */
  schema: string | Schema;
  table: SchemaTable;
}

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

/**
 * The patched object; the inputs stay as they are. Throws an `ApiError` for a patch that makes no sense: 400, also
 * where upstream has no code of its own and says 500, and 422 for lists of lists.
 */
export function applyStrategicMergePatch({ original, patch, schema, table }: StrategicMergePatch): JsonObject {
  if (!isObject(original) || !isObject(patch)) throw badRequest('invalid JSON document');
  const root = typeof schema === 'string' ? table.get(schema) : schema;
  if (root === undefined) throw new Error(`schema ${String(schema)} is not in the table`);
  return new Merger(table).mergeObject(cloneJson(original), cloneJson(patch), root);
}

interface ListMerge {
  original: unknown[];
  patch: unknown[];
  field: Schema;
  /** The patch names what goes (`$deleteFromPrimitiveList`). */
  isDeletion?: boolean;
}

/** Works on private copies: it changes `original` and `patch` as it goes. */
class Merger {
  readonly #table: SchemaTable;

  constructor(table: SchemaTable) {
    this.#table = table;
  }

  mergeObject(original: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
    if (Object.hasOwn(patch, DIRECTIVE)) return replacement(patch);
    retainKeys(original, patch);
    this.#mergeOrderedLists(original, patch, schema);
    for (const key of Object.keys(patch)) this.#mergeField(original, { key, value: patch[key] }, schema);
    return original;
  }

  #mergeField(
    original: JsonObject,
    { key: sent, value }: { key: string; value: unknown },
    schema: Schema | undefined,
  ): void {
    const isDeletion = sent.startsWith(DELETE_FROM);
    const key = isDeletion ? sent.slice(DELETE_FROM.length) : sent;
    if (value === null) {
      delete original[key];
      return;
    }
    const current = getOwn(original, key);
    if (current === undefined || typeOf(current) !== typeOf(value)) {
      if (!isDeletion) takeOver(original, key, value);
      return;
    }
    const field = this.#fieldOf(schema, key);
    let merged = value;
    if (isObject(value)) {
      const replaces = strategiesOf(field).includes('replace');
      if (!replaces) merged = this.mergeObject(current as JsonObject, value, this.#resolve(field));
    } else if (Array.isArray(value)) {
      merged = this.#mergeList({ original: current as unknown[], patch: value, field: field ?? {}, isDeletion });
    }
    setOwn(original, key, merged);
  }

  /** Lists that do not merge are taken whole. */
  #mergeList({ original, patch, field, isDeletion = false }: ListMerge): unknown[] {
    if (!isDeletion && !strategiesOf(field).includes('merge')) return patch;
    if (original.length === 0 && patch.length === 0) return original;
    checkItemTypes([original, patch]);
    const key = field.patchMergeKey;
    if (isObject(original[0] ?? patch[0])) {
      if (key === undefined) throw badRequest('cannot merge lists without merge key for type map');
      return this.#mergeItems({ original, patch: patch as JsonObject[], key, field });
    }
    if (isDeletion) return withoutItems(original, patch);
    const merged = [...new Set([...original, ...patch])];
    return orderItems({ merged, order: patch, original, key: undefined });
  }

  #mergeItems(list: { original: unknown[]; patch: JsonObject[]; key: string; field: Schema }): unknown[] {
    const { key, field } = list;
    const { items, deleted, replaces } = readItems(list.patch, key);
    if (replaces) {
      for (const item of items) keyOf(item, key);
      return items;
    }
    const schema = field.items === undefined ? undefined : this.#resolve(field.items);
    const original = (list.original as JsonObject[]).filter((item) => !deleted.has(identityOf(item[key])));
    const merged: JsonObject[] = [...original];
    const places = new Map<string, number>();
    for (const [i, item] of merged.entries()) {
      const identity = identityOf(item[key]);
      if (!places.has(identity)) places.set(identity, i);
    }
    for (const item of items) {
      const identity = identityOf(keyOf(item, key));
      const at = places.get(identity);
      if (at === undefined) places.set(identity, merged.push(item) - 1);
      else merged[at] = this.mergeObject(merged[at]!, item, schema);
    }
    for (const item of merged) keyOf(item, key);
    return orderItems({ merged, order: items, original, key });
  }

  /** `$setElementOrder/<list>`: the list in the patch merges first, then all of it is put in order. */
  #mergeOrderedLists(original: JsonObject, patch: JsonObject, schema: Schema | undefined): void {
    for (const directive of Object.keys(patch)) {
      if (!directive.startsWith(SET_ORDER)) continue;
      const order = asList(takeOwn(patch, directive));
      const name = directive.slice(SET_ORDER.length);
      const before = Object.hasOwn(original, name) ? asList(original[name]) : undefined;
      const wanted = Object.hasOwn(patch, name) ? asList(takeOwn(patch, name)) : undefined;
      const field = this.#fieldOf(schema, name) ?? {};
      const key = field.patchMergeKey;
      checkOrder({ patch: wanted ?? [], order, key });
      if (before === undefined && wanted === undefined) continue;
      checkItemTypes([before ?? [], wanted ?? []]);
      const merged = this.#mergedList({ before, wanted, field });
      if (key !== undefined) for (const item of [...merged, ...order]) keyOf(item, key);
      setOwn(original, name, orderItems({ merged, order, original: before ?? [], key }));
    }
  }

  #mergedList(list: { before: unknown[] | undefined; wanted: unknown[] | undefined; field: Schema }): unknown[] {
    const { before, wanted, field } = list;
    if (before === undefined) return withoutDirectives(wanted) as unknown[];
    return wanted === undefined ? before : this.#mergeList({ original: before, patch: wanted, field });
  }

  #fieldOf(schema: Schema | undefined, name: string): Schema | undefined {
    if (schema === undefined) return undefined;
    const { properties, additionalProperties } = schema.ref === undefined ? schema : this.#table.resolve(schema);
    return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
  }

  #resolve(field: Schema | undefined): Schema | undefined {
    return field === undefined ? undefined : this.#table.resolve(field);
  }
}

function strategiesOf(field: Schema | undefined): string[] {
  return field?.patchStrategy?.split(',') ?? [];
}

/** What `$patch` makes of an object. */
function replacement(patch: JsonObject): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === 'delete') return {};
  if (directive !== 'replace') throw badDirective(directive, patch);
  delete patch[DIRECTIVE];
  return patch;
}

/** A value that is new, or of another type: without nulls, and without objects that have a directive. */
function takeOver(original: JsonObject, key: string, value: unknown): void {
  discardNulls(value);
  const kept = withoutDirectives(value);
  if (kept === undefined) delete original[key];
  else setOwn(original, key, kept);
}

function discardNulls(value: unknown): void {
  if (Array.isArray(value)) value.forEach(discardNulls);
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    if (value[key] === null) delete value[key];
    else discardNulls(value[key]);
  }
}

/** `undefined` for an object that has a directive itself. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return undefined;
  for (const key of Object.keys(value)) {
    const kept = withoutDirectives(value[key]);
    if (kept === undefined) delete value[key];
    else setOwn(value, key, kept);
  }
  return value;
}

/** `$retainKeys`: whatever the original has beside these goes. */
function retainKeys(original: JsonObject, patch: JsonObject): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return;
  const list = takeOwn(patch, RETAIN_KEYS);
  if (!Array.isArray(list)) throw badRetainKeys();
  const retained = new Set<unknown>(list);
  for (const key of Object.keys(patch)) {
    const isDirective = key.startsWith(SET_ORDER) || key.startsWith(DELETE_FROM);
    if (patch[key] !== null && !isDirective && !retained.has(key)) throw badRetainKeys();
  }
  for (const key of Object.keys(original)) {
    if (!retained.has(key)) delete original[key];
  }
}

function withoutItems(original: readonly unknown[], gone: readonly unknown[]): unknown[] {
  const identities = new Set(gone.map(identityOf));
  return original.filter((item) => !identities.has(identityOf(item)));
}

/** Items of lists that merge are all of one type, and no lists. */
function checkItemTypes(lists: readonly unknown[][]): void {
  const types = new Set(lists.flat().map(typeOf));
  const [first] = types;
  if (first === undefined) throw badRequest('no elements in any of the given slices');
  if (first === 'list') throw new ApiError({ ...UNPROCESSABLE });
  if (types.size > 1 || first === 'nil') throw badRequest(`list element types are not identical: ${goText(lists)}`);
}

/** The server does not say why. */
const UNPROCESSABLE = {
  code: 422,
  reason: 'Invalid',
  message: 'the server rejected our request due to an error in our request',
  details: {},
} as const;

/** Sorts the items of a patch by their directives. */
function readItems(
  patch: readonly JsonObject[],
  key: string,
): { items: JsonObject[]; deleted: Set<string>; replaces: boolean } {
  const items: JsonObject[] = [];
  const deleted = new Set<string>();
  let replaces = false;
  for (const item of patch) {
    const directive = getOwn(item, DIRECTIVE);
    if (directive === undefined) items.push(item);
    else if (directive === 'replace') replaces = true;
    else if (directive === 'merge') throw badRequest('merging lists cannot yet be specified in the patch');
    else if (directive === 'delete') deleted.add(identityOf(keyOf(item, key)));
    else throw badDirective(directive, item);
  }
  return { items, deleted, replaces };
}

function keyOf(item: unknown, key: string): unknown {
  if (!isObject(item)) throw badType('map[string]interface {}', item);
  if (Object.hasOwn(item, key)) return item[key];
  throw badRequest(`map: ${goText(item)} does not contain declared merge key: ${key}`);
}

/** The patch's own items must stand in the order that the directive gives. */
function checkOrder({ patch, order, key }: { patch: unknown[]; order: unknown[]; key: string | undefined }): void {
  if (order.length === 0 || patch.length === 0) return;
  const identify = (item: unknown): string => identityOf(key === undefined ? item : keyOf(item, key));
  const items = patch.filter((item) => !isObject(item) || !Object.hasOwn(item, DIRECTIVE));
  let at = 0;
  for (const item of items) {
    while (at < order.length && identify(order[at]) !== identify(item)) at++;
    if (at === order.length) {
      throw badRequest(
        `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
      );
    }
    at++;
  }
}

/** Numbers of both kinds are one: they replace one another alike. */
function typeOf(value: unknown): string {
  if (value === null) return 'nil';
  if (Array.isArray(value)) return 'list';
  return typeof value;
}

function asList(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw badType('[]interface {}', value);
  return value as unknown[];
}

function takeOwn(object: JsonObject, key: string): unknown {
  const value = getOwn(object, key);
  delete object[key];
  return value;
}

function badType(expected: string, actual: unknown): Error {
  return badRequest(`expected a ${expected}, but received a ${goType(actual)}`);
}

function badRetainKeys(): Error {
  return badRequest('invalid patch format of retainKeys');
}

function badDirective(directive: unknown, patch: JsonObject): Error {
  return badRequest(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
}
