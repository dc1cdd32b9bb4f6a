/** Freezes what is to be shared as if it had been read from JSON. */

/**
 * Freezes a value through and through; false, and maybe only part of it frozen, when reading its JSON would give
 * another: members that are undefined, numbers that JSON does not have, objects of a class. What is frozen already is
 * taken to be JSON.
 */
export function freezeJson(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object') return false;
  if (Object.isFrozen(value)) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (!freezeJson(item)) return false;
  } else {
    if (Object.getPrototypeOf(value) !== Object.prototype) return false;
    for (const key in value) if (!freezeJson((value as Record<string, unknown>)[key])) return false;
  }
  Object.freeze(value);
  return true;
}
