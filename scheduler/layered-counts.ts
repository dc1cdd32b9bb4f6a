/** Counts by name that others keep, with changes of one's own on top: copies cost what has been changed. */
export class LayeredCounts {
  readonly #bases: readonly ReadonlyMap<string, number>[];
  readonly #moved: Map<string, number>;

  /** The bases are added up, and never changed from here. */
  constructor(bases: readonly ReadonlyMap<string, number>[], moved: ReadonlyMap<string, number> = new Map()) {
    this.#bases = bases;
    this.#moved = new Map(moved);
  }

  get(name: string): number {
    let sum = this.#moved.get(name) ?? 0;
    for (const base of this.#bases) sum += base.get(name) ?? 0;
    return sum;
  }

  add(name: string, amount: number): void {
    this.#moved.set(name, (this.#moved.get(name) ?? 0) + amount);
  }

  clone(): LayeredCounts {
    return new LayeredCounts(this.#bases, this.#moved);
  }
}
