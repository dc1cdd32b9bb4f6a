/**
 * JSON merge patch (RFC 7386) as the library upstream has it (evanphx/json-patch `merge.go`): objects merge, `null`
 * deletes, everything else replaces. Unlike the RFC it drops the nulls of objects in lists, unless the list takes the
 * place of an object.
 */
import { cloneJson, getOwn, isObject, setOwn } from './json-value.ts';

/** The document that `patch` makes of `document`; both stay as they are, and nothing is shared with them. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(document)) return withoutNulls(patch);
  if (!isObject(patch)) return cloneJson(patch);
  const result = cloneJson(document);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete result[key];
    else setOwn(result, key, applyMergePatch(getOwn(result, key), value));
  }
  return result;
}

/** A copy; nulls that are items of lists stay. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) if (value[key] !== null) setOwn(result, key, withoutNulls(value[key]));
  return result;
}
