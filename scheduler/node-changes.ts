/** What has changed from one snapshot to the next, remembered for a while. */
import type { NodeInfo } from './node-info.ts';

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
