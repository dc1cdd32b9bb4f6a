/**
 * Numbers out of a range, each given out once (upstream: `pkg/registry/core/service/allocator/bitmap.go`). The lower
 * band is left to values that users choose: numbers chosen here come from the upper band as long as it has any
 * (`calculateRangeOffset`).
 */
import type { Random } from '../../../base/random.ts';

export interface OffsetAllocatorOptions {
  /** Offsets are 0 to `size` - 1. */
  size: number;
  /** How many of the first offsets are used by `allocateNext` only when there are no others. */
  staticSize: number;
  /** Never chosen by `allocateNext`; whoever names them gets them. */
  reserved?: readonly number[];
  random: Pick<Random, 'float'>;
}

export class OffsetAllocator {
  readonly #taken = new Set<number>();
  readonly #reserved: ReadonlySet<number>;
  readonly #options: OffsetAllocatorOptions;

  constructor(options: OffsetAllocatorOptions) {
    this.#options = options;
    this.#reserved = new Set(options.reserved ?? []);
  }

  contains(offset: number): boolean {
    return Number.isInteger(offset) && offset >= 0 && offset < this.#options.size;
  }

  isTaken(offset: number): boolean {
    return this.#taken.has(offset);
  }

  /** False when it is taken already, or outside of the range. */
  allocate(offset: number): boolean {
    if (!this.contains(offset) || this.#taken.has(offset)) return false;
    this.#taken.add(offset);
    return true;
  }

  /** Undefined when nothing is left. */
  allocateNext(): number | undefined {
    const { size, staticSize } = this.#options;
    const offset = this.#findFree(staticSize, size) ?? this.#findFree(0, staticSize);
    if (offset !== undefined) this.#taken.add(offset);
    return offset;
  }

  release(offset: number): void {
    this.#taken.delete(offset);
  }

  /** The first free one after a random place between `start` and `end` (exclusive), going round. */
  #findFree(start: number, end: number): number | undefined {
    const length = end - start;
    if (length <= 0) return undefined;
    const first = Math.floor(this.#options.random.float() * length);
    for (let i = 0; i < length; i++) {
      const offset = start + ((first + i) % length);
      if (!this.#taken.has(offset) && !this.#reserved.has(offset)) return offset;
    }
    return undefined;
  }
}
