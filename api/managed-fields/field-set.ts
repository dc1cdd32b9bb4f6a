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

/** A set that came from a client, with everything that is no set made one; not to be changed. */
export function readFieldSet(value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  // What is frozen stays as it was read; stored objects share theirs.
  if (!Object.isFrozen(value)) return readNode(value);
  let set = readBefore.get(value);
  if (set === undefined) readBefore.set(value, (set = readNode(value)));
  return set;
}

function readNode(value: unknown): FieldSet {
  const node: FieldSet = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return node;
  for (const [key, child] of Object.entries(value)) {
    if (key === '.') node[key] = {};
    else if (/^[fkvi]:/.test(key)) node[key] = readNode(child);
  }
  return Object.freeze(node);
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

/** Every path, as conflicts print them: `.spec.containers[name="web"].image`. */
export function listPaths(set: FieldSet): string[] {
  const paths: string[] = [];
  const visit = (node: FieldSet, prefix: string): void => {
    for (const key of Object.keys(node).sort()) {
      if (key === '.') continue;
      const path = prefix + formatElement(key);
      if (isMember(node[key])) paths.push(path);
      visit(node[key]!, path);
    }
  };
  visit(set, '');
  return paths;
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
