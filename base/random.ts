/** Randomness as an injected source, so that a simulation can be replayed from a seed. */
import { randomBytes, randomUUID } from 'node:crypto';

export interface Random {
  /** A version 4 UUID in lower case. */
  uuid(): string;
  /** `size` random bytes. */
  bytes(size: number): Uint8Array;
  /** A float in [0, 1). */
  float(): number;
}

export const realRandom: Random = {
  uuid: () => randomUUID(),
  bytes: (size) => randomBytes(size),
  float: () => Math.random(),
};

/** The alphabet of generated names: no vowels, and none of 0, 1, 3, as k8s.io/apimachinery `util/rand`. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** A random suffix of `length` characters for generated names. */
export function randomSuffix(random: Random, length = 5): string {
  let suffix = '';
  for (let i = 0; i < length; i++) suffix += ALPHABET[Math.floor(random.float() * ALPHABET.length)];
  return suffix;
}

/** Encodes characters so that they cannot form bad words (k8s.io/apimachinery `rand.SafeEncodeString`). */
export function safeEncodeString(text: string): string {
  let encoded = '';
  for (let i = 0; i < text.length; i++) encoded += ALPHABET[text.charCodeAt(i) % ALPHABET.length];
  return encoded;
}
