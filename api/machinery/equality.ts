/**
 * Equality of API values as Go's `apiequality.Semantic.DeepEqual` has it once they are decoded: an absent field,
 * `null`, an empty list and an empty object (also one that holds only empty things) are one and the same on the wire.
 */

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.values(value).every(isEmpty);
}

/**
 * Deep equality where empty equals absent: `undefined`, `null`, `[]`, `{}` and `{ a: {} }` are equal to each other.
 * Scalars are compared strictly: `''`, `0` and `false` are values.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b);
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && arraysEqual(a, b);
  return objectsEqual(a as Record<string, unknown>, b as Record<string, unknown>);
}

function arraysEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => deepEqual(item, b[i]));
}

function objectsEqual(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const key of Object.keys(a)) {
    if (!deepEqual(a[key], ownValue(b, key))) return false;
  }
  return Object.keys(b).every((key) => Object.hasOwn(a, key) || isEmpty(b[key]));
}

/** Not an inherited member: keys such as `constructor` come from clients. */
function ownValue(object: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
