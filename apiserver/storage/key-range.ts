/** Ranges of keys as etcd has them: from a key on, up to but without an end. */

/** The first key behind all that start with `prefix`; `prefix` must not be empty. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i]! === 0xff) continue;
    end[i]!++;
    return end.subarray(0, i + 1);
  }
  return Buffer.of(0);
}
