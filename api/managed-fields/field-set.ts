/**
 * Sets of field paths in the form in which they are stored (`fieldsV1`): a tree whose keys are `f:<name>`,
 * `k:<keys of a list item>` and `v:<value of a set item>`. A node without keys is a member of the set; one with keys is
 * a member when it has the key `.` (upstream: structured-merge-diff `fieldpath.Set`).
 */
export interface FieldSet {
  [element: string]: FieldSet;
}

/** Whether the path that leads to this node is itself in the set. */
export function isMember(node: FieldSet | undefined): boolean {
  if (node === undefined) return false;
  for (const key in node) {
    if (key !== '.') return hasOwnDot(node);
  }
  return true;
}

const readBefore = new WeakMap<object, FieldSet>();

/**
 * A set that came from a client or from storage, in its one form; not to be changed. Throws `SyntaxError` for what is no
 * set. Elements of a kind that is not known are left out.
 */
export function readFieldSet(value: unknown): FieldSet {
  if (value === undefined || value === null) return EMPTY;
  // What is frozen stays as it was read; stored objects share theirs.
  if (typeof value !== 'object' || !Object.isFrozen(value)) return readNode(value);
  let set = readBefore.get(value);
  if (set === undefined) readBefore.set(value, (set = readNode(value)));
  return set;
}

const EMPTY: FieldSet = Object.freeze({});

function readNode(value: unknown): FieldSet {
  if (value === null) return EMPTY;
  if (typeof value !== 'object' || Array.isArray(value)) throw new SyntaxError('a set of fields must be an object');
  const node: FieldSet = {};
  let children = 0;
  for (const key in value) {
    if (key === '.') continue;
    const element = readElement(key);
    if (element === undefined) continue;
    node[element] = readNode((value as Record<string, unknown>)[key]);
    children++;
  }
  if (children === 0) return EMPTY;
  if (Object.hasOwn(value, '.')) node['.'] = EMPTY;
  return Object.freeze(node);
}

/** `undefined` for a kind of element that a later version may know. */
function readElement(key: string): string | undefined {
  if (key[1] !== ':') throw new SyntaxError(`missing colon: ${key}`);
  const text = key.slice(2);
  switch (key[0]) {
    case 'f':
      return key;
    case 'v':
      return `v:${JSON.stringify(JSON.parse(text))}`;
    case 'k':
      return keysElement(JSON.parse(text) as Record<string, unknown>);
    case 'i':
      if (!/^-?\d+$/.test(text)) throw new SyntaxError(`no position: ${key}`);
      return key;
    default:
      return undefined;
  }
}

/** The element of a list item with these keys, which are sorted. */
function keysElement(keys: unknown): string {
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) throw new SyntaxError('no keys of a list item');
  const sorted = Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1));
  return `k:${JSON.stringify(Object.fromEntries(sorted))}`;
}

/** Paths in either; the arguments stay as they are, the result may share nodes with them. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  const isBranch = hasChildren(a) || hasChildren(b);
  if (isBranch && (isMember(a) || isMember(b))) result['.'] = {};
  for (const key in a) {
    if (key !== '.') result[key] = b[key] === undefined ? a[key]! : union(a[key]!, b[key]);
  }
  for (const key in b) {
    if (key !== '.' && a[key] === undefined) result[key] = b[key]!;
  }
  return result;
}

/** Like `union` for sets that may be absent; absent when nothing is in either. */
export function unionOf(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return union(a, b);
}

/** Paths of `a` that are not in `b`; exact paths, not what lies below them. `undefined` when none is left. */
export function difference(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return combine(a, { member: isMember(a) && !isMember(b), child: (key) => without(a[key]!, b[key]) });
}

/** Paths in both; `undefined` when there is none. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return combine(a, {
    member: isMember(a) && isMember(b),
    child: (key) => (b[key] === undefined ? undefined : intersection(a[key]!, b[key])),
  });
}

/** The same at the root, where the empty path is never a member. */
export function rootDifference(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return combine(a, { member: false, child: (key) => without(a[key]!, b[key]) });
}

/** Paths of `a` that are neither in `b` nor below a path in it. `undefined` when none is left. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return combine(a, {
    member: isMember(a),
    child: (key) => {
      if (b[key] === undefined) return a[key];
      return isMember(b[key]) ? undefined : recursiveDifference(a[key]!, b[key]);
    },
  });
}

/** Whether the two hold the same paths. */
export function isSameSet(a: FieldSet | undefined, b: FieldSet | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || isMember(a) !== isMember(b)) return false;
  let count = 0;
  for (const key in a) {
    if (key === '.') continue;
    if (!isSameSet(a[key], b[key])) return false;
    count++;
  }
  for (const key in b) if (key !== '.') count--;
  return count === 0;
}

/** Whether every path of `a` is in `b`; what the roots themselves are does not count. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  for (const key in a) {
    if (key === '.') continue;
    const [part, other] = [a[key]!, b[key]];
    if (other === undefined || (isMember(part) && !isMember(other)) || !isSubset(part, other)) return false;
  }
  return true;
}

/** Every path, as conflicts print them: `.spec.containers[name="web"].image`; of a node, members before what is deeper. */
export function listPaths(set: FieldSet): string[] {
  const paths: string[] = [];
  const visit = (node: FieldSet, prefix: string): void => {
    const elements = Object.keys(node)
      .filter((key) => key !== '.')
      .sort(compareElements);
    for (const key of elements) if (isMember(node[key])) paths.push(prefix + formatElement(key));
    for (const key of elements) visit(node[key]!, prefix + formatElement(key));
  };
  visit(set, '');
  return paths;
}

/** Fields, then items by their keys, by value, by position; numbers in their own order. */
function compareElements(a: string, b: string): number {
  const kinds = 'fkvi';
  const byKind = kinds.indexOf(a[0]!) - kinds.indexOf(b[0]!);
  if (byKind !== 0) return byKind;
  if (a.startsWith('f:')) return a < b ? -1 : 1;
  const [one, other] = [a, b].map((element): unknown[] => {
    const value = JSON.parse(element.slice(2)) as unknown;
    return typeof value === 'object' && value !== null ? Object.entries(value).flat() : [value];
  });
  for (const [i, part] of one!.entries()) {
    const counterpart = other![i];
    if (part === counterpart) continue;
    if (typeof part === 'number' && typeof counterpart === 'number') return part - counterpart;
    return String(part) < String(counterpart) ? -1 : 1;
  }
  return one!.length - other!.length;
}

function without(node: FieldSet, removed: FieldSet | undefined): FieldSet | undefined {
  return removed === undefined ? node : difference(node, removed);
}

/** A node with the children that `child` gives for those of `a`; `undefined` when neither they nor it are members. */
function combine(
  a: FieldSet,
  { member, child }: { member: boolean; child: (key: string) => FieldSet | undefined },
): FieldSet | undefined {
  const result: FieldSet = {};
  if (member && hasChildren(a)) result['.'] = {};
  let children = 0;
  for (const key in a) {
    if (key === '.') continue;
    const kept = child(key);
    if (kept === undefined) continue;
    result[key] = kept;
    children++;
  }
  if (children > 0) return result;
  return member ? {} : undefined;
}

function hasChildren(node: FieldSet): boolean {
  for (const key in node) {
    if (key !== '.') return true;
  }
  return false;
}

function hasOwnDot(node: FieldSet): boolean {
  return Object.hasOwn(node, '.');
}

function formatElement(element: string): string {
  const text = element.slice(2);
  if (element.startsWith('f:')) return `.${text}`;
  if (element.startsWith('v:')) return `[=${text}]`;
  if (element.startsWith('i:')) return `[${text}]`;
  const keys = JSON.parse(text) as Record<string, unknown>;
  return `[${Object.entries(keys)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')}]`;
}
