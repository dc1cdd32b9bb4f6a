/**
 * An nftables table as data, and the difference of two as a script: one transaction, so that packets see either the
 * old rules or the new ones.
 */

export interface NftTable {
  /** `ip` or `bridge`. */
  family: string;
  name: string;
  /** Sets and maps: name to declaration (`map service-ips { type …; }` without its name and keyword split off). */
  sets: ReadonlyMap<string, SetDeclaration>;
  chains: ReadonlyMap<string, NftChain>;
}

export interface SetDeclaration {
  kind: 'set' | 'map';
  /** `type ipv4_addr; flags dynamic,timeout;` */
  body: string;
  /** Key to value; the value is empty in a set. Absent for sets that packets fill. */
  elements?: ReadonlyMap<string, string>;
}

export interface NftChain {
  /** `type nat hook prerouting priority -100;`; absent for chains that others jump to. */
  hook?: string;
  rules: readonly string[];
}

/** Elements in one command; nft's parser is slow on very long lines. */
const ELEMENTS_PER_COMMAND = 500;

/** Removes the table; a missing one is fine. */
export function deleteScript({ family, name }: Pick<NftTable, 'family' | 'name'>): string {
  return `add table ${family} ${name}\ndelete table ${family} ${name}\n`;
}

/** Puts the table in place whatever was there before. */
export function fullScript(table: NftTable): string {
  return `${deleteScript(table)}add table ${table.family} ${table.name}\n${changeScript(emptyLike(table), table)}`;
}

/** From one state of a table to another; `''` when they are equal. The first must be what is loaded. */
export function diffRules(previous: NftTable, next: NftTable): string {
  return changeScript(previous, next);
}

function emptyLike({ family, name }: NftTable): NftTable {
  return { family, name, sets: new Map(), chains: new Map() };
}

function changeScript(previous: NftTable, next: NftTable): string {
  const at = `${next.family} ${next.name}`;
  const lines: string[] = [];
  const replacedSets = changedSets(previous, next);
  const goneChains = [...previous.chains.keys()].filter((name) => !next.chains.has(name));
  for (const [name, { kind, body }] of next.sets) {
    if (!previous.sets.has(name)) lines.push(`add ${kind} ${at} ${name} { ${body} }`);
  }
  for (const [name, chain] of next.chains) {
    if (!previous.chains.has(name))
      lines.push(`add chain ${at} ${name}${chain.hook === undefined ? '' : ` { ${chain.hook} }`}`);
  }
  // Elements that lead to a chain go before the chain, and after it is there they come.
  lines.push(...elementLines({ previous, next, at, verb: 'delete' }));
  for (const name of goneChains) lines.push(`flush chain ${at} ${name}`);
  for (const [name, chain] of next.chains)
    lines.push(...chainLines(name, chain, { previous: previous.chains.get(name), at }));
  lines.push(...elementLines({ previous, next, at, verb: 'add' }));
  for (const name of goneChains) lines.push(`delete chain ${at} ${name}`);
  for (const name of replacedSets) lines.push(`delete ${previous.sets.get(name)!.kind} ${at} ${name}`);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Names carry what a set is, so that one of the same name never has another body: only whole sets come and go. */
function changedSets(previous: NftTable, next: NftTable): string[] {
  return [...previous.sets.keys()].filter((name) => !next.sets.has(name));
}

function chainLines(
  name: string,
  chain: NftChain,
  { previous, at }: { previous: NftChain | undefined; at: string },
): string[] {
  if (previous !== undefined && sameRules(previous.rules, chain.rules)) return [];
  const flush = previous === undefined || previous.rules.length === 0 ? [] : [`flush chain ${at} ${name}`];
  return [...flush, ...chain.rules.map((rule) => `add rule ${at} ${name} ${rule}`)];
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((rule, i) => rule === b[i]));
}

interface ElementDiff {
  previous: NftTable;
  next: NftTable;
  at: string;
  verb: 'add' | 'delete';
}

function elementLines({ previous, next, at, verb }: ElementDiff): string[] {
  const from = verb === 'add' ? next : previous;
  const other = verb === 'add' ? previous : next;
  const lines: string[] = [];
  for (const [name, { elements }] of from.sets) {
    // A set that goes away as a whole needs no deletions, but what its elements lead to may go first.
    const present = other.sets.get(name)?.elements;
    const changed = [...(elements ?? [])].filter(([key, value]) => present?.get(key) !== value);
    const texts = changed.map(([key, value]) => (value === '' || verb === 'delete' ? key : `${key} : ${value}`));
    for (let start = 0; start < texts.length; start += ELEMENTS_PER_COMMAND) {
      lines.push(`${verb} element ${at} ${name} { ${texts.slice(start, start + ELEMENTS_PER_COMMAND).join(', ')} }`);
    }
  }
  return lines;
}
