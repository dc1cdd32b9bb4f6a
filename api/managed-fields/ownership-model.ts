/**
 * Server-side apply told by paths, small, slow and plain: what `applyPatch` and `recordUpdate` are tested against. An
 * object is a map of paths to leaves; whoever holds a path is in that path's set. Objects are of one shape:
 * `{ plain, atomic, struct: { x, y }, map: { … }, set: [ … ], list: [{ name, v, w }] }`.
 */
export interface ModelObject {
  plain?: string;
  atomic?: string[];
  struct?: Record<string, string>;
  map?: Record<string, string>;
  set?: string[];
  list?: Record<string, string>[];
}

type Leaves = Map<string, string>;

export class OwnershipModel {
  leaves: Leaves = new Map();
  readonly holders = new Map<string, Set<string>>();

  /** The paths that others hold and that would change; nothing happens when there are some, unless forced. */
  apply(manager: string, configuration: ModelObject, force: boolean): Set<string> {
    const wanted = flatten(configuration);
    const fields = new Set([...wanted.keys()].filter((path) => !isBare(path)));
    const changed = [...wanted].filter(([path, value]) => this.leaves.get(path) !== value).map(([path]) => path);
    const conflicts = new Set(changed.filter((path) => this.#heldByOthers(path, manager)));
    if (conflicts.size > 0 && !force) return conflicts;
    const gone = [...this.holders]
      .filter(([path, names]) => names.has(manager) && !fields.has(path) && names.size === 1)
      .map(([path]) => path);
    for (const [path, value] of wanted) this.leaves.set(path, value);
    for (const path of changed) this.holders.delete(path);
    for (const names of this.holders.values()) names.delete(manager);
    for (const path of gone) this.#remove(path);
    for (const path of fields) this.#hold(path, manager);
    this.#tidy();
    return new Set();
  }

  update(manager: string, next: ModelObject): void {
    const wanted = flatten(next);
    const changed = [...wanted].filter(([path, value]) => this.leaves.get(path) !== value).map(([path]) => path);
    this.leaves = wanted;
    for (const path of changed) {
      this.holders.delete(path);
      this.#hold(path, manager);
    }
    this.#tidy();
  }

  object(): ModelObject {
    return unflatten(this.leaves);
  }

  #heldByOthers(path: string, manager: string): boolean {
    return [...(this.holders.get(path) ?? [])].some((name) => name !== manager);
  }

  #hold(path: string, manager: string): void {
    const names = this.holders.get(path) ?? new Set<string>();
    this.holders.set(path, names.add(manager));
  }

  /** An item goes with all that is in it. */
  #remove(path: string): void {
    for (const other of [...this.leaves.keys()]) {
      if (other === path || other.startsWith(`${path} `)) this.leaves.delete(other);
    }
  }

  /** What holds nothing is not there, and nobody holds what is not there. */
  #tidy(): void {
    for (const path of [...this.leaves.keys()]) {
      const isEmpty = isBare(path) && ![...this.leaves.keys()].some((other) => other.startsWith(`${path} `));
      if (isEmpty) this.leaves.delete(path);
    }
    for (const [path, names] of this.holders) {
      if (names.size === 0 || !this.leaves.has(path)) this.holders.delete(path);
    }
  }
}

/** Structs, maps and lists: those who apply do not hold them, those who update do when they add them. */
function isBare(path: string): boolean {
  return ['struct', 'map', 'set', 'list'].includes(path);
}

/** Every leaf, item and container by its path, in words: `list a v`. */
export function flatten({ plain, atomic, struct = {}, map = {}, set = [], list = [] }: ModelObject): Leaves {
  const leaves: Leaves = new Map();
  if (plain !== undefined) leaves.set('plain', plain);
  if (atomic !== undefined) leaves.set('atomic', JSON.stringify(atomic));
  for (const [name, values] of Object.entries({ struct, map })) {
    for (const [key, value] of Object.entries(values)) leaves.set(name, '').set(`${name} ${key}`, value);
  }
  for (const item of set) leaves.set('set', '').set(`set ${item}`, '');
  for (const item of list) {
    leaves.set('list', '').set(`list ${item['name']!}`, '');
    for (const [key, value] of Object.entries(item)) leaves.set(`list ${item['name']!} ${key}`, value);
  }
  return leaves;
}

function unflatten(leaves: Leaves): ModelObject {
  const object: ModelObject = {};
  for (const [path, value] of leaves) {
    const [field, key, part] = path.split(' ');
    if (field === 'plain') object.plain = value;
    if (field === 'atomic') object.atomic = JSON.parse(value) as string[];
    if (key === undefined) continue;
    if (field === 'struct' || field === 'map') (object[field] ??= {})[key] = value;
    if (field === 'set') (object.set ??= []).push(key);
    if (field === 'list' && part === undefined) (object.list ??= []).push({});
    if (part !== undefined) {
      const items = object.list!;
      const item = items.find(({ name }) => name === key) ?? items.find(({ name }) => name === undefined)!;
      item[part] = value;
    }
  }
  return object;
}

/** Items of sets and keyed lists sorted, for comparison: their order is another matter. */
export function sorted(object: ModelObject): ModelObject {
  const { set, list, ...rest } = object;
  return {
    ...rest,
    ...(set === undefined ? {} : { set: [...set].sort() }),
    ...(list === undefined ? {} : { list: [...list].sort((a, b) => (a['name']! < b['name']! ? -1 : 1)) }),
  };
}
