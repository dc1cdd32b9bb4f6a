/**
 * What has happened according to the store's acknowledgements, in revision order: the one history that every list,
 * watch and get must agree with.
 */

export interface Content {
  /** Unique for each write. */
  mark: string;
  group: string;
}

/** One state of a key; `content` is undefined after a deletion. */
export interface Version {
  revision: number;
  content: Content | undefined;
}

/** A write that the store acknowledged. */
export interface Change {
  revision: number;
  key: string;
  content: Content | undefined;
  /** What the write was conditional on; 0: that there was nothing. */
  expectedRevision: number;
}

/** What a watch of a selection must deliver. */
export interface ExpectedEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  revision: number;
  key: string;
  content: Content;
  /** What has been found to be this event: watches share the object that they are sent. */
  verified?: object;
}

/** What a list or watch asks for. */
export interface Selection {
  plural: string;
  namespace: string;
  /** Of the query. */
  labelSelector: string;
  fieldSelector: string;
  matches(key: string, content: Content): boolean;
}

export class ModelViolation extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ModelViolation';
  }
}

export const PLURALS = ['configmaps', 'secrets'];
const NAMESPACES = ['n0', 'n1', 'n2'];
const NAMES_PER_NAMESPACE = 8;

/** In storage's order. */
export const KEYS = PLURALS.flatMap((plural) =>
  NAMESPACES.flatMap((namespace) =>
    Array.from({ length: NAMES_PER_NAMESPACE }, (_, i) => `/registry/${plural}/${namespace}/o${i}`),
  ),
);

function selection(plural: string, about: Partial<Selection> & { groups?: string[]; name?: string } = {}): Selection {
  const { namespace = '', labelSelector = '', fieldSelector = '', groups, name } = about;
  const prefix = `/registry/${plural}/${namespace === '' ? '' : `${namespace}/`}`;
  return {
    plural,
    namespace,
    labelSelector,
    fieldSelector,
    matches: (key, { group }) =>
      key.startsWith(prefix) &&
      (groups === undefined || groups.includes(group)) &&
      (name === undefined || key.endsWith(`/${name}`)),
  };
}

export const SELECTIONS: readonly Selection[] = [
  selection('configmaps'),
  selection('configmaps', { namespace: 'n0' }),
  selection('configmaps', { labelSelector: 'group=a', groups: ['a'] }),
  selection('configmaps', { labelSelector: 'group!=a', groups: ['b', 'c'] }),
  selection('configmaps', { namespace: 'n1', labelSelector: 'group in (a,b)', groups: ['a', 'b'] }),
  selection('configmaps', { fieldSelector: 'metadata.name=o1', name: 'o1' }),
  selection('configmaps', { namespace: 'n2', fieldSelector: 'metadata.name=o2', name: 'o2' }),
  selection('secrets'),
  selection('secrets', { labelSelector: 'group=b', groups: ['b'] }),
];

export class History {
  /** Expected events by selection. */
  readonly streams: ExpectedEvent[][] = SELECTIONS.map(() => []);
  /** Revisions of the changes to each kind. */
  readonly revisionsOf = new Map<string, number[]>(PLURALS.map((plural) => [plural, []]));
  readonly #versions = new Map<string, Version[]>(KEYS.map((key) => [key, []]));
  revision: number;
  changes = 0;

  /** `existing`: what the store holds at `revision` before the first change. */
  constructor(revision: number, existing: readonly Change[] = []) {
    for (const { key, content, revision: at } of existing) this.versions(key).push({ revision: at, content });
    this.revision = revision;
  }

  versions(key: string): Version[] {
    const versions = this.#versions.get(key);
    if (versions === undefined) throw new ModelViolation(`nobody wrote ${key}`);
    return versions;
  }

  /** To be called in revision order. Throws when the change contradicts what was before. */
  apply(change: Change): void {
    const { revision, key, content, expectedRevision } = change;
    if (revision <= this.revision) {
      throw new ModelViolation(`${key} was acknowledged at revision ${revision}, which is not after ${this.revision}`);
    }
    const versions = this.versions(key);
    const last = versions.at(-1);
    const before = last?.content === undefined ? 0 : last.revision;
    if (before !== expectedRevision) {
      throw new ModelViolation(`${key} was changed on top of ${expectedRevision} at ${revision}, it was at ${before}`);
    }
    versions.push({ revision, content });
    this.revision = revision;
    this.changes++;
    this.revisionsOf.get(pluralOf(key))!.push(revision);
    for (const [i, one] of SELECTIONS.entries()) this.#expect(one, this.streams[i]!, { change, last });
  }

  #expect(one: Selection, stream: ExpectedEvent[], about: { change: Change; last: Version | undefined }): void {
    const { revision, key, content } = about.change;
    const previous = about.last?.content;
    const matched = previous !== undefined && one.matches(key, previous);
    const matches = content !== undefined && one.matches(key, content);
    if (matches) stream.push({ type: matched ? 'MODIFIED' : 'ADDED', revision, key, content });
    else if (matched) stream.push({ type: 'DELETED', revision, key, content: previous });
  }

  /** The key's state at a revision; undefined when there was nothing. */
  at(key: string, revision: number): { revision: number; content: Content } | undefined {
    const versions = this.versions(key);
    const found = versions[indexAfter(versions, revision) - 1];
    return found?.content === undefined ? undefined : { revision: found.revision, content: found.content };
  }

  /** Objects of a selection at a revision, in key order. */
  stateAt(one: Selection, revision: number): { key: string; revision: number; content: Content }[] {
    const objects = [];
    for (const key of KEYS) {
      const state = pluralOf(key) === one.plural ? this.at(key, revision) : undefined;
      if (state !== undefined && one.matches(key, state.content)) objects.push({ key, ...state });
    }
    return objects;
  }

  /** States of a key between two revisions, both included; one of them is what a read in between may have seen. */
  statesBetween(key: string, from: number, to: number): Version[] {
    const versions = this.versions(key);
    const first = Math.max(0, indexAfter(versions, from) - 1);
    const states = versions.slice(first, indexAfter(versions, to));
    if ((versions[0]?.revision ?? Infinity) > from) states.unshift({ revision: 0, content: undefined });
    return states;
  }
}

export function pluralOf(key: string): string {
  return key.split('/')[2]!;
}

/** How many items, which are in order, have a revision of at most `revision`. */
export function indexAfter(items: readonly { revision: number }[], revision: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.revision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
