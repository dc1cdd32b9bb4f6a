/**
 * Sums over all pods of all nodes that are kept from snapshot to snapshot, not made anew for every pod that is
 * scheduled.
 */
import type { NodeChanges } from './node-changes.ts';
import type { NodeInfo } from './node-info.ts';
import type { Snapshot } from './snapshot.ts';

/** Something that adds up over nodes, and can be taken apart again. */
export interface NodeSum {
  add(node: NodeInfo): void;
  /** A node that was added, as it was then. */
  remove(node: NodeInfo): void;
}

/** A sum over the nodes of the latest snapshot that it was brought to. */
export class KeptSum<S extends NodeSum> {
  readonly #make: () => S;
  #changes: NodeChanges | undefined;
  #seen = 0;
  #sum: S;

  constructor(make: () => S) {
    this.#make = make;
    this.#sum = make();
  }

  /** The sum over the snapshot's nodes. It changes at the next call. */
  over({ nodes, changes }: Snapshot): S {
    const news = this.#changes === changes ? changes.since(this.#seen) : undefined;
    if (news === undefined || news.length > nodes.length) {
      this.#sum = this.#make();
      for (const node of nodes) this.#sum.add(node);
    } else {
      for (const { before, after } of news) {
        if (before !== undefined) this.#sum.remove(before);
        if (after !== undefined) this.#sum.add(after);
      }
    }
    this.#changes = changes;
    this.#seen = changes.count;
    return this.#sum;
  }
}
