/** Randomness from a seed; each part of a run has a stream of its own, so that one part's draws do not move another's. */
import type { Random } from '../../base/random.ts';
import { Choices } from '../choices.ts';

export class SeededRandom extends Choices implements Random {
  uuid(): string {
    const hex = Array.from({ length: 4 }, () =>
      Math.floor(this.float() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

/** The stream of `name` in the run of `seed`. */
export function streamOf(seed: number, name: string): SeededRandom {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return new SeededRandom(Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ Math.imul(seed, 0x9e3779b1));
}
