/**
 * What has changed from one snapshot to the next, remembered for a while: so that sums over all pods of all nodes are
 * kept, not made anew for every pod that is scheduled.
 */
import type { NodeInfo } from './node-info.ts';
import type { Snapshot } from './snapshot.ts';

export interface NodeChange {
  readonly before: NodeInfo | undefined;
  readonly after: NodeInfo | undefined;
}

/** More are cheaper to sum up anew, and hold on to old nodes. */
const MAX_CHANGES = 2_000;

/** The changes of one cache's snapshots, in order. */
export class NodeChanges {
  readonly #changes: NodeChange[] = [];
  #dropped = 0;

  /** How many there have been. */
  get count(): number {
    return this.#dropped + this.#changes.length;
  }

  record(before: NodeInfo | undefined, after: NodeInfo | undefined): void {
    if (before === after) return;
    this.#changes.push({ before, after });
    if (this.#changes.length < 2 * MAX_CHANGES) return;
    this.#changes.splice(0, MAX_CHANGES);
    this.#dropped += MAX_CHANGES;
  }

  /** Those after the first `count`; `undefined` when these are not all remembered, or are too many to be of use. */
  since(count: number): readonly NodeChange[] | undefined {
    const known = count >= this.#dropped && this.count - count <= MAX_CHANGES;
    return known ? this.#changes.slice(count - this.#dropped) : undefined;
  }
}

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
