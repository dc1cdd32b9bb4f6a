/**
 * A range of values that objects own. A value that an update gives up stays taken until the cache shows the object
 * without it: until then the write may still fail, and the object would keep a value that another one got.
 */
import type { OffsetAllocator } from './offset-allocator.ts';

/** Which object owns a value. */
export interface OwnerKey {
  namespace: string;
  name: string;
}

/** Takes back what was done. Calling it twice does nothing more. */
export type Undo = () => void;

export interface OwnedRangeOptions {
  allocator: OffsetAllocator;
  /** Whether the owner, as it is stored now, still has the value. */
  isUsedBy(owner: OwnerKey, offset: number): boolean;
}

export class OwnedRange {
  readonly #allocator: OffsetAllocator;
  readonly #isUsedBy: OwnedRangeOptions['isUsedBy'];
  readonly #leaving = new Map<number, OwnerKey>();

  constructor({ allocator, isUsedBy }: OwnedRangeOptions) {
    this.#allocator = allocator;
    this.#isUsedBy = isUsedBy;
  }

  contains(offset: number): boolean {
    return this.#allocator.contains(offset);
  }

  /** Undefined when another object has it. */
  take(offset: number): Undo | undefined {
    this.#releaseIfLeft(offset);
    return this.#allocator.allocate(offset) ? this.#undoTake(offset) : undefined;
  }

  /** Undefined when the range is full. */
  takeNext(): { offset: number; undo: Undo } | undefined {
    let offset = this.#allocator.allocateNext();
    if (offset === undefined) {
      for (const left of [...this.#leaving.keys()]) this.#releaseIfLeft(left);
      offset = this.#allocator.allocateNext();
    }
    return offset === undefined ? undefined : { offset, undo: this.#undoTake(offset) };
  }

  /** The owner is about to be stored without it. */
  giveUp(offset: number, owner: OwnerKey): Undo {
    if (!this.#allocator.isTaken(offset)) return () => undefined;
    this.#leaving.set(offset, owner);
    return () => {
      if (this.#leaving.get(offset) === owner) this.#leaving.delete(offset);
    };
  }

  /** The owner is gone. */
  release(offset: number): void {
    this.#leaving.delete(offset);
    this.#allocator.release(offset);
  }

  #undoTake(offset: number): Undo {
    let done = false;
    return () => {
      if (!done) this.#allocator.release(offset);
      done = true;
    };
  }

  #releaseIfLeft(offset: number): void {
    const owner = this.#leaving.get(offset);
    if (owner === undefined || this.#isUsedBy(owner, offset)) return;
    this.release(offset);
  }
}
