/**
 * JSON patch (RFC 6902) with the semantics, bounds and errors of the API server
 * (evanphx/json-patch v4; apiserver `endpoints/handlers/patch.go`).
 */
import { ApiError, badRequest, requestEntityTooLarge } from '../machinery/errors.ts';
import { MAX_DEPTH, cloneJson, equalJson, getOwn, isDeeperThan, isObject, setOwn } from './json-value.ts';
import type { JsonObject } from './json-value.ts';

const MAX_OPERATIONS = 10_000;
/** Characters of JSON that `copy` operations of one patch may add up to. */
const MAX_COPIED = 3 * 1024 * 1024;

/**
 * The document that `patch` makes of `document`, which stays as it is. Throws an `ApiError`: 400 for what is no
 * patch, 413 for too many operations, 422 for one that does not apply.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (patch === null) return cloneJson(document);
  if (!Array.isArray(patch)) {
    throw badRequest(`json: cannot unmarshal ${goKind(patch)} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > MAX_OPERATIONS) {
    const limit = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw requestEntityTooLarge(limit);
  }
  for (const operation of patch) {
    if (operation !== null && !isObject(operation)) {
      throw badRequest(`json: cannot unmarshal ${goKind(operation)} into Go value of type jsonpatch.Operation`);
    }
  }
  const state: State = { root: cloneJson(document), copied: 0 };
  for (const operation of patch as (JsonObject | null)[]) applyOperation(state, operation ?? {});
  if (isDeeperThan(state.root, MAX_DEPTH)) throw rejected();
  return state.root;
}

interface State {
  root: unknown;
  copied: number;
}

/** Where an operation acts: a key or position of a container. */
interface Place {
  container: JsonObject | unknown[];
  key: string;
}

/** What is missing is null, wherever it stands in an object. */
function applyOperation(state: State, operation: JsonObject): void {
  const path = pointer(operation, 'path');
  const value = cloneJson(getOwn(operation, 'value') ?? null);
  switch (getOwn(operation, 'op')) {
    case 'add':
      return add(locate(state, path), value);
    case 'remove':
      return void remove(locate(state, path));
    case 'replace':
      return replace(state, { path, value });
    case 'move':
      return move(state, pointer(operation, 'from'), path);
    case 'copy':
      return copy(state, pointer(operation, 'from'), path);
    case 'test':
      return test(state, { path, value });
    default:
      throw rejected();
  }
}

function add({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) setOwn(container, key, value);
  else if (key === '-') container.push(value);
  else container.splice(position(key, { length: container.length, mayAppend: true }), 0, value);
}

function remove({ container, key }: Place): unknown {
  if (Array.isArray(container)) {
    return container.splice(position(key, { length: container.length, mayAppend: false }), 1)[0];
  }
  if (!Object.hasOwn(container, key)) throw rejected();
  const value = container[key];
  delete container[key];
  return value;
}

/** Of an object also a member that is not there: the library upstream sets it. */
function replace(state: State, { path, value }: { path: string; value: unknown }): void {
  if (path === '') {
    if (!isObject(value) && !Array.isArray(value)) throw rejected();
    state.root = value;
    return;
  }
  const { container, key } = locate(state, path);
  if (Array.isArray(container)) container[position(key, { length: container.length, mayAppend: false })] = value;
  else setOwn(container, key, value);
}

function move(state: State, from: string, path: string): void {
  const value = remove(locate(state, from));
  add(locate(state, path), value);
}

function copy(state: State, from: string, path: string): void {
  const value = read(locate(state, from)) ?? null;
  if (isDeeperThan(value, MAX_DEPTH)) throw rejected();
  state.copied += value === null ? 0 : JSON.stringify(value).length;
  if (state.copied > MAX_COPIED) throw rejected();
  add(locate(state, path), cloneJson(value));
}

/** A missing value equals null. */
function test(state: State, { path, value }: { path: string; value: unknown }): void {
  const actual = path === '' ? state.root : read(locate(state, path));
  if (!equalJson(actual ?? null, value)) throw rejected();
}

/** The value at a place; `undefined` when there is none. */
function read({ container, key }: Place): unknown {
  if (!Array.isArray(container)) return getOwn(container, key);
  return container[position(key, { length: container.length, mayAppend: false })];
}

/** Follows a pointer to the container of its last part; the root has none. What stands before the first `/` is passed over. */
function locate(state: State, path: string): Place {
  const parts = path.split('/').slice(1).map(unescapePart);
  const key = parts.pop();
  if (key === undefined) throw rejected();
  let container = state.root;
  for (const part of parts) {
    if (Array.isArray(container)) {
      container = container[position(part, { length: container.length, mayAppend: false })] as unknown;
    } else if (isObject(container)) container = getOwn(container, part);
    else throw rejected();
  }
  if (!isObject(container) && !Array.isArray(container)) throw rejected();
  return { container, key };
}

/** A list position; negative ones count from the end, as the library upstream uses does by default. */
function position(key: string, { length, mayAppend }: { length: number; mayAppend: boolean }): number {
  if (!/^[+-]?\d{1,9}$/.test(key)) throw rejected();
  const end = mayAppend ? length + 1 : length;
  const index = Number(key);
  if (index >= end || index < -end) throw rejected();
  return index < 0 ? index + end : index;
}

function pointer(operation: JsonObject, name: string): string {
  const value = getOwn(operation, name);
  if (typeof value !== 'string') throw rejected();
  return value;
}

function unescapePart(part: string): string {
  return part.replace(/~1/g, '/').replace(/~0/g, '~');
}

function goKind(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** The server does not say which operation failed, or why. */
function rejected(): ApiError {
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: {},
  });
}
