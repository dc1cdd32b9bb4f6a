/** A binary heap whose items are found by key, so that they can be removed and changed in place. */

export interface HeapOptions<T> {
  keyOf(item: T): string;
  /** Whether `a` comes out before `b`. */
  less(a: T, b: T): boolean;
}

export class Heap<T> {
  readonly #options: HeapOptions<T>;
  readonly #items: T[] = [];
  readonly #positions = new Map<string, number>();

  constructor(options: HeapOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#items.length;
  }

  get(key: string): T | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.#items[position];
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  /** Adds the item, or puts it in the place of the one with its key. */
  set(item: T): void {
    const position = this.#positions.get(this.#options.keyOf(item)) ?? this.#items.length;
    this.#put(position, item);
    this.#restore(position);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.delete(this.#options.keyOf(first));
    return first;
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    const position = this.#positions.get(key);
    if (position === undefined) return false;
    this.#positions.delete(key);
    const last = this.#items.pop()!;
    if (position < this.#items.length) {
      this.#put(position, last);
      this.#restore(position);
    }
    return true;
  }

  /** In no particular order. */
  values(): readonly T[] {
    return this.#items;
  }

  #put(position: number, item: T): void {
    this.#items[position] = item;
    this.#positions.set(this.#options.keyOf(item), position);
  }

  #restore(position: number): void {
    if (!this.#siftUp(position)) this.#siftDown(position);
  }

  #siftUp(start: number): boolean {
    let position = start;
    const item = this.#items[position]!;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#options.less(item, this.#items[parent]!)) break;
      this.#put(position, this.#items[parent]!);
      position = parent;
    }
    if (position === start) return false;
    this.#put(position, item);
    return true;
  }

  #siftDown(start: number): void {
    let position = start;
    const item = this.#items[position]!;
    for (;;) {
      const child = this.#firstChild(position);
      if (child === undefined || !this.#options.less(this.#items[child]!, item)) break;
      this.#put(position, this.#items[child]!);
      position = child;
    }
    this.#put(position, item);
  }

  /** The child that comes out first. */
  #firstChild(position: number): number | undefined {
    const left = 2 * position + 1;
    if (left >= this.#items.length) return undefined;
    const right = left + 1;
    const rightIsFirst = right < this.#items.length && this.#options.less(this.#items[right]!, this.#items[left]!);
    return rightIsFirst ? right : left;
  }
}
