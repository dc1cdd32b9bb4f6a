/** JSON merge patch (RFC 7386): objects merge, `null` deletes, everything else replaces. */
import { cloneJson, getOwn, isObject, setOwn } from './json-value.ts';

/** The document that `patch` makes of `document`; both stay as they are, and nothing is shared with them. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return cloneJson(patch);
  const result = isObject(document) ? cloneJson(document) : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete result[key];
    else setOwn(result, key, applyMergePatch(getOwn(result, key), value));
  }
  return result;
}
