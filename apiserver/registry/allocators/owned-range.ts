/**
 * A range of values that objects own. A value that an update gives up stays taken until the cache shows the object
 * without it: until then the write may still fail, and the object would keep a value that another one got.
 */
import type { OffsetAllocator } from './offset-allocator.ts';

/** Which object owns a value. One of the same name that came later is another owner: its uid differs. */
export interface Owner {
  namespace: string;
  name: string;
  uid: string;
}

/** Takes back what was done. Calling it twice does nothing more. */
export type Undo = () => void;

export interface OwnedRangeOptions {
  allocator: OffsetAllocator;
  /** Whether the owner, as it is stored now, still has the value. */
  isUsedBy(owner: Owner, offset: number): boolean;
}

interface Ownership {
  owner: Owner;
  isLeaving: boolean;
}

export class OwnedRange {
  readonly #allocator: OffsetAllocator;
  readonly #isUsedBy: OwnedRangeOptions['isUsedBy'];
  readonly #ownerships = new Map<number, Ownership>();

  constructor({ allocator, isUsedBy }: OwnedRangeOptions) {
    this.#allocator = allocator;
    this.#isUsedBy = isUsedBy;
  }

  /** Undefined when another object has it, or it is outside of the range. */
  take(offset: number, owner: Owner): Undo | undefined {
    this.#releaseIfLeft(offset);
    return this.#allocator.allocate(offset) ? this.#own(offset, owner) : undefined;
  }

  /** Undefined when the range is full. */
  takeNext(owner: Owner): { offset: number; undo: Undo } | undefined {
    let offset = this.#allocator.allocateNext();
    if (offset === undefined) {
      for (const taken of [...this.#ownerships.keys()]) this.#releaseIfLeft(taken);
      offset = this.#allocator.allocateNext();
    }
    return offset === undefined ? undefined : { offset, undo: this.#own(offset, owner) };
  }

  /** The owner is about to be stored without it. Nothing is to be undone: what the owner keeps is never freed. */
  giveUp(offset: number, owner: Owner): void {
    const ownership = this.#ownerships.get(offset);
    if (ownership?.owner.uid === owner.uid) ownership.isLeaving = true;
  }

  /** The owner is gone. */
  release(offset: number, owner: Owner): void {
    if (this.#ownerships.get(offset)?.owner.uid === owner.uid) this.#free(offset);
  }

  /** What is known from elsewhere: who has the value now, if anybody. */
  note(offset: number, owner: Owner | undefined): void {
    this.#free(offset);
    if (owner !== undefined && this.#allocator.allocate(offset)) this.#own(offset, owner);
  }

  /** Those that are taken. */
  offsets(): number[] {
    return [...this.#ownerships.keys()];
  }

  #own(offset: number, owner: Owner): Undo {
    const ownership = { owner, isLeaving: false };
    this.#ownerships.set(offset, ownership);
    return () => {
      if (this.#ownerships.get(offset) === ownership) this.#free(offset);
    };
  }

  #releaseIfLeft(offset: number): void {
    const ownership = this.#ownerships.get(offset);
    if (ownership?.isLeaving === true && !this.#isUsedBy(ownership.owner, offset)) this.#free(offset);
  }

  #free(offset: number): void {
    this.#ownerships.delete(offset);
    this.#allocator.release(offset);
  }
}
