/**
 * Strategic merge patch: a merge patch that knows from the schema which lists merge, and by which key
 * (apimachinery `util/strategicpatch/patch.go`).
 */
import { badRequest } from '../machinery/errors.ts';
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { cloneJson, equalJson, getOwn, isObject, setOwn } from './json-value.ts';
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

/** The patched object; the inputs stay as they are. Throws an `ApiError` (400) for a patch that makes no sense. */
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
}

/** Works on private copies: it changes `original` and `patch` as it goes. */
class Merger {
  readonly #table: SchemaTable;

  constructor(table: SchemaTable) {
    this.#table = table;
  }

  mergeObject(original: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
    if (Object.hasOwn(patch, DIRECTIVE)) {
      const directive = takeOwn(patch, DIRECTIVE);
      if (directive === 'replace') return this.#plain(patch);
      if (directive === 'delete') return {};
      if (directive !== 'merge') throw badDirective(directive, patch);
    }
    retainKeys(original, patch);
    this.#mergeOrderedLists(original, patch, schema);
    for (const key of Object.keys(patch)) this.#mergeField(original, { key, value: patch[key] }, schema);
    return original;
  }

  #mergeField(original: JsonObject, { key, value }: { key: string; value: unknown }, schema: Schema | undefined): void {
    if (key.startsWith(DELETE_FROM)) {
      deleteItems(original, key.slice(DELETE_FROM.length), value);
      return;
    }
    if (value === null) {
      delete original[key];
      return;
    }
    const field = this.#fieldOf(schema, key);
    const current = getOwn(original, key);
    let merged = value;
    if (isObject(value)) {
      const replaces = !isObject(current) || strategiesOf(field).includes('replace');
      merged = this.mergeObject(replaces ? {} : current, value, this.#resolve(field));
    } else if (Array.isArray(value)) {
      merged = this.#mergeList({ original: Array.isArray(current) ? current : [], patch: value, field: field ?? {} });
    }
    setOwn(original, key, merged);
  }

  #mergeList({ original, patch, field }: ListMerge): unknown[] {
    if (!strategiesOf(field).includes('merge')) return patch.map((item) => (isObject(item) ? this.#plain(item) : item));
    const key = field.patchMergeKey;
    if (key === undefined) return mergePrimitives(original, patch);
    return this.#mergeItems({ original, patch, field }, key);
  }

  #mergeItems({ original, patch, field }: ListMerge, key: string): unknown[] {
    const itemSchema = field.items === undefined ? undefined : this.#resolve(field.items);
    const { items, deleted, replaces } = readItems(patch, key);
    if (replaces) return items.map((item) => this.#plain(item));
    const merged = original.filter((item) => !isObject(item) || !deleted.has(identityOf(item[key])));
    const places = new Map<string, number>();
    for (const [i, item] of merged.entries()) {
      if (isObject(item) && !places.has(identityOf(item[key]))) places.set(identityOf(item[key]), i);
    }
    for (const item of items) {
      const identity = identityOf(item[key]);
      const at = places.get(identity);
      if (at === undefined) places.set(identity, merged.push(this.mergeObject({}, item, itemSchema)) - 1);
      else merged[at] = this.mergeObject(merged[at] as JsonObject, item, itemSchema);
    }
    return orderItems({ merged, order: items, original, key });
  }

  /** `$setElementOrder/<list>`: the list in the patch merges first, then all of it is put in order. */
  #mergeOrderedLists(original: JsonObject, patch: JsonObject, schema: Schema | undefined): void {
    for (const directive of Object.keys(patch)) {
      if (!directive.startsWith(SET_ORDER)) continue;
      const order = takeOwn(patch, directive);
      const name = directive.slice(SET_ORDER.length);
      if (!Array.isArray(order)) throw badRequest('$setElementOrder must be a list');
      const value = takeOwn(patch, name);
      const current = getOwn(original, name);
      if (value === null) {
        delete original[name];
        continue;
      }
      if (value !== undefined && !Array.isArray(value)) throw badRequest(`cannot merge ${name}: it is not a list`);
      if (value === undefined && !Array.isArray(current)) continue;
      const field = this.#fieldOf(schema, name) ?? {};
      const before = Array.isArray(current) ? current : [];
      checkOrder({ name, patch: value ?? [], order, key: field.patchMergeKey });
      const merged = value === undefined ? before : this.#mergeList({ original: before, patch: value, field });
      setOwn(original, name, orderItems({ merged, order, original: before, key: field.patchMergeKey }));
    }
  }

  /** A value that replaces or is new: its directives take effect on nothing, nulls go. */
  #plain(patch: JsonObject): JsonObject {
    return this.mergeObject({}, patch, undefined);
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

/** `$retainKeys`: whatever the original has beside these goes. */
function retainKeys(original: JsonObject, patch: JsonObject): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return;
  const list = takeOwn(patch, RETAIN_KEYS);
  if (!Array.isArray(list) || list.some((key) => typeof key !== 'string')) throw badRetainKeys();
  const retained = new Set(list as string[]);
  for (const key of Object.keys(patch)) {
    const isDirective = key === DIRECTIVE || key.startsWith(SET_ORDER) || key.startsWith(DELETE_FROM);
    if (patch[key] !== null && !isDirective && !retained.has(key)) throw badRetainKeys();
  }
  for (const key of Object.keys(original)) {
    if (!retained.has(key)) delete original[key];
  }
}

/** `$deleteFromPrimitiveList/<list>` */
function deleteItems(original: JsonObject, name: string, items: unknown): void {
  if (!Array.isArray(items)) throw badRequest('$deleteFromPrimitiveList must be a list');
  const current = getOwn(original, name);
  if (!Array.isArray(current)) return;
  const gone = new Set(items.map(identityOf));
  const kept = current.filter((item) => !gone.has(identityOf(item)));
  setOwn(original, name, kept);
}

function mergePrimitives(original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const merged: unknown[] = [];
  const seen = new Set<unknown>();
  for (const item of [...original, ...patch]) {
    if (typeof item === 'object') throw badRequest('a list of objects cannot be merged without a merge key');
    if (!seen.has(item)) merged.push(item);
    seen.add(item);
  }
  return orderItems({ merged, order: patch, original, key: undefined });
}

/** Sorts the items of a patch by their directives; every item that is not one has the key. */
function readItems(
  patch: readonly unknown[],
  key: string,
): { items: JsonObject[]; deleted: Set<string>; replaces: boolean } {
  const items: JsonObject[] = [];
  const deleted = new Set<string>();
  let replaces = false;
  for (const item of patch) {
    if (!isObject(item))
      throw badRequest(`the list merges by key ${JSON.stringify(key)}, so its items must be objects`);
    const directive = getOwn(item, DIRECTIVE);
    if (directive === 'replace') replaces = true;
    else if (directive !== undefined && directive !== 'delete' && directive !== 'merge')
      throw badDirective(directive, item);
    else if (!Object.hasOwn(item, key)) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    } else if (directive === 'delete') deleted.add(identityOf(item[key]));
    else items.push(item);
  }
  return { items, deleted, replaces };
}

/** The patch's own items must stand in the order that the directive gives. */
function checkOrder({
  name,
  patch,
  order,
  key,
}: {
  name: string;
  patch: unknown[];
  order: unknown[];
  key: string | undefined;
}): void {
  const keyOf = (item: unknown): unknown => (key !== undefined && isObject(item) ? item[key] : item);
  let at = 0;
  for (const item of patch) {
    if (isObject(item) && Object.hasOwn(item, DIRECTIVE)) continue;
    while (at < order.length && !equalJson(keyOf(order[at]), keyOf(item))) at++;
    if (at === order.length) {
      const texts = [patch, order].map((list) => JSON.stringify(list));
      throw badRequest(
        `The order in patch list:\n${texts[0]!}\n doesn't match ${SET_ORDER}${name} list:\n${texts[1]!}\n`,
      );
    }
    at++;
  }
}

function takeOwn(object: JsonObject, key: string): unknown {
  const value = getOwn(object, key);
  delete object[key];
  return value;
}

function badRetainKeys(): Error {
  return badRequest('$retainKeys list does not match its patch: it must name every key of the patch, in strings');
}

function badDirective(directive: unknown, patch: JsonObject): Error {
  return badRequest(`unknown patch type found: ${String(directive)} in map: ${JSON.stringify(patch)}`);
}
