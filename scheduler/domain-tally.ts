/** Pods by topology domain, and how many the emptiest domain has: kept while nodes and pods come and go. */
import { LayeredCounts } from './layered-counts.ts';

/** A domain is there while it has nodes. **Invariant:** no domain has fewer pods than `least`. */
export class DomainTally {
  readonly #nodes = new Map<string, number>();
  readonly #pods = new Map<string, number>();
  /** How many domains have so many pods. */
  readonly #domainsByPods = new Map<number, number>();
  #least = 0;

  /** Pods by domain. */
  get pods(): ReadonlyMap<string, number> {
    return this.#pods;
  }

  /** Domains by their numbers of pods. */
  get domainsByPods(): ReadonlyMap<number, number> {
    return this.#domainsByPods;
  }

  /** 0 without domains. */
  get least(): number {
    return this.#least;
  }

  change(domain: string, by: { nodes: number; pods: number }): void {
    const before = this.#pods.get(domain);
    const pods = (before ?? 0) + by.pods;
    const nodes = (this.#nodes.get(domain) ?? 0) + by.nodes;
    if (before !== undefined) this.#countDomain(before, -1);
    if (nodes === 0) {
      this.#nodes.delete(domain);
      this.#pods.delete(domain);
    } else {
      this.#nodes.set(domain, nodes);
      this.#pods.set(domain, pods);
      this.#countDomain(pods, 1);
    }
    if (this.#domainsByPods.size === 0) this.#least = 0;
    else if (nodes !== 0 && (pods < this.#least || this.#pods.size === 1)) this.#least = pods;
    while (this.#domainsByPods.size > 0 && !this.#domainsByPods.has(this.#least)) this.#least++;
  }

  #countDomain(pods: number, by: 1 | -1): void {
    const domains = (this.#domainsByPods.get(pods) ?? 0) + by;
    if (domains === 0) this.#domainsByPods.delete(pods);
    else this.#domainsByPods.set(pods, domains);
  }
}

/** A tally with pods moved in thought. */
export class MovedTally {
  readonly #tally: DomainTally;
  readonly #pods: LayeredCounts;
  readonly #moved: Set<string>;
  #least: number | undefined;

  constructor(tally: DomainTally, copied?: { pods: LayeredCounts; moved: ReadonlySet<string> }) {
    this.#tally = tally;
    this.#pods = copied?.pods ?? new LayeredCounts([tally.pods]);
    this.#moved = new Set(copied?.moved);
  }

  podsIn(domain: string): number {
    return this.#pods.get(domain);
  }

  get domainCount(): number {
    let count = this.#tally.pods.size;
    for (const domain of this.#moved) if (!this.#tally.pods.has(domain)) count++;
    return count;
  }

  /** The pods of the domain that has the fewest; `Infinity` without domains. */
  get least(): number {
    return (this.#least ??= this.#findLeast());
  }

  move(domain: string, by: 1 | -1): void {
    this.#pods.add(domain, by);
    this.#moved.add(domain);
    this.#least = undefined;
  }

  clone(): MovedTally {
    return new MovedTally(this.#tally, { pods: this.#pods.clone(), moved: this.#moved });
  }

  #findLeast(): number {
    let least = this.#leastOfUnmoved();
    for (const domain of this.#moved) least = Math.min(least, this.#pods.get(domain));
    return least;
  }

  #leastOfUnmoved(): number {
    const { pods, domainsByPods } = this.#tally;
    const moved = [...this.#moved].map((domain) => pods.get(domain)).filter((count) => count !== undefined);
    if (pods.size === moved.length) return Infinity;
    for (let count = this.#tally.least; ; count++) {
      const domains = domainsByPods.get(count) ?? 0;
      if (domains > moved.filter((other) => other === count).length) return count;
    }
  }
}
