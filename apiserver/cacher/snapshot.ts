/** What is asked of the cache of a kind, and the consistent view of it that answers. */
import BTreeModule from 'sorted-btree';
import type { CachedObject } from './cached-object.ts';
import type { ObjectFilter, ObjectForm } from './watcher.ts';
import type { FieldValue } from './watcher-set.ts';

// The package is CommonJS: Node's default import is its whole `exports`.
const BTree = BTreeModule.default;
export type Tree = BTreeModule.default<string, CachedObject>;

/** Objects in key order; a clone costs nothing until one of the two changes. */
export function emptyTree(): Tree {
  return new BTree<string, CachedObject>();
}

/** A consistent, immutable view of one kind, or of the part of it with one key prefix, at one revision. */
export interface Snapshot {
  revision: number;
  keyPrefix: string;
  tree: Tree;
}

export interface WatchStart {
  /** Deliver what exists now as ADDED first. */
  initialEvents: boolean;
  /** After the initial events, a bookmark that says so (`k8s.io/initial-events-end`). */
  markInitialEventsEnd: boolean;
  /** Without initial events: deliver what came after this revision. */
  afterRevision: number;
  /** Asked of objects below `keyPrefix`. */
  filter: ObjectFilter | undefined;
  /** What `filter` demands at least: other events need not be shown to it. */
  only?: FieldValue;
  /** The form in which this watcher takes the objects; absent: as they are stored. */
  view?: ObjectForm;
  bookmarks: boolean;
  /** Limits the watch to keys with this prefix. */
  keyPrefix: string;
  signal: AbortSignal;
}
