/**
 * The ordered index of keys with their revisions, in memory: which version of a key is visible at which revision.
 * It holds no values.
 */
import sortedBtree from 'sorted-btree';
import type { RecordHeader } from './record-log.ts';

const BTree = sortedBtree.default;

/** A key's visible version. */
export interface KeyVersion {
  key: string;
  modRevision: number;
  createRevision: number;
}

/** A key's newest record, and the older ones that compaction has not dropped yet. */
interface KeyHistory {
  modRevision: number;
  /** 0 when the newest record is a delete. */
  createRevision: number;
  /** Flat pairs (modRevision, createRevision), oldest first; undefined when there are none. */
  older: number[] | undefined;
}

export class KeyIndex {
  readonly #tree = new BTree<string, KeyHistory>(undefined, (a, b) => (a < b ? -1 : a > b ? 1 : 0));

  /** Records must be applied in revision order. */
  apply(record: RecordHeader): void {
    const history = this.#tree.get(record.key);
    const modRevision = record.revision;
    const createRevision = record.type === 'delete' ? 0 : record.createRevision;
    if (history === undefined) {
      this.#tree.set(record.key, { modRevision, createRevision, older: undefined });
      return;
    }
    (history.older ??= []).push(history.modRevision, history.createRevision);
    history.modRevision = modRevision;
    history.createRevision = createRevision;
  }

  /** The key's newest version; undefined when there is none or it was deleted. */
  get(key: string): KeyVersion | undefined {
    const history = this.#tree.get(key);
    if (history === undefined || history.createRevision === 0) return undefined;
    return { key, modRevision: history.modRevision, createRevision: history.createRevision };
  }

  /**
   * Visits at most `maxKeys` keys that start with `prefix`, from `fromKey` on, and gives those visible at `revision`.
   * `nextKey` is where to go on; undefined at the end.
   */
  page(options: { prefix: string; fromKey: string; revision: number; maxKeys: number }): {
    versions: KeyVersion[];
    nextKey: string | undefined;
  } {
    const versions: KeyVersion[] = [];
    let visited = 0;
    for (const [key, history] of this.#tree.entries(options.fromKey, [])) {
      if (!key.startsWith(options.prefix)) break;
      if (visited++ === options.maxKeys) return { versions, nextKey: key };
      const version = versionAt(key, history, options.revision);
      if (version !== undefined) versions.push(version);
    }
    return { versions, nextKey: undefined };
  }

  /** Forgets what `record` superseded, and the key itself when `record` deleted it and nothing followed. */
  forgetSupersededBy(record: RecordHeader): void {
    const history = this.#tree.get(record.key);
    if (history === undefined) return;
    const { older } = history;
    if (older !== undefined) {
      let keep = 0;
      while (keep < older.length && older[keep]! < record.revision) keep += 2;
      older.splice(0, keep);
      if (older.length === 0) history.older = undefined;
    }
    if (history.createRevision === 0 && history.modRevision <= record.revision) this.#tree.delete(record.key);
  }
}

function versionAt(key: string, history: KeyHistory, revision: number): KeyVersion | undefined {
  let { modRevision, createRevision } = history;
  if (modRevision > revision) {
    const position = positionAt(history.older ?? [], revision);
    if (position < 0) return undefined;
    modRevision = history.older![position]!;
    createRevision = history.older![position + 1]!;
  }
  return createRevision === 0 ? undefined : { key, modRevision, createRevision };
}

/** Position of the last pair whose modRevision is at most `revision`; -2 when there is none. */
function positionAt(older: number[], revision: number): number {
  let low = 0;
  let high = older.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (older[middle * 2]! <= revision) low = middle + 1;
    else high = middle;
  }
  return low * 2 - 2;
}
