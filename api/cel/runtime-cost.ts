/**
 * What calls cost when they are evaluated: by overload as cel-go charges them (interpreter/runtimecost.go costCall),
 * unless the function has a cost of its own in `k8s.io/apiserver/pkg/cel/library/cost.go` CallCost.
 */
import { ListValue, MapValue, ObjectValue, OpaqueValue, sizeOf, type Value } from './values.ts';
import { keysOf } from './access.ts';

/** Of one call; the result is there for functions whose cost goes by what they make. */
export type CallCost = (args: readonly Value[], result: Value) => number;

/** The cost of a function's overload: a number, or by the arguments. */
export type CallCosts = (name: string, overloadId: string) => CallCost | number;

const PER_CHARACTER = 0.1;
const PER_PATTERN_CHARACTER = 0.25;
/** An authorizer's check: two fit into one expression. */
const CHECK_COST = 350_000;
const LIST_COST = 10;
const STRUCT_COST = 40;

export const kubernetesCosts: CallCosts = (name, overloadId) => {
  const own = Object.hasOwn(BY_FUNCTION, name) ? BY_FUNCTION[name] : undefined;
  if (own !== undefined) {
    return typeof own === 'object' ? (own[overloadId] ?? own.default) : own;
  }
  return (Object.hasOwn(BY_OVERLOAD, overloadId) ? BY_OVERLOAD[overloadId] : undefined) ?? sortCost(overloadId) ?? 1;
};

function characters(size: number, factor = PER_CHARACTER): number {
  return Math.ceil(size * factor);
}

function traverse(index: number, factor = PER_CHARACTER): CallCost {
  return (args) => characters(sizeOf(args[index] as Value), factor);
}

const smaller: CallCost = (args) => characters(Math.min(sizeOf(args[0] as Value), sizeOf(args[1] as Value)));
const both: CallCost = (args) => characters(sizeOf(args[0] as Value) + sizeOf(args[1] as Value));
const pattern: CallCost = (args) =>
  characters(1 + sizeOf(args[0] as Value)) * characters(sizeOf(args[1] as Value), PER_PATTERN_CHARACTER);

const equality: CallCost = (args, result) => (args[0] instanceof OpaqueValue ? 1 : smaller(args, result));

const BY_OVERLOAD: Readonly<Record<string, CallCost>> = {
  starts_with_string: traverse(0),
  ends_with_string: traverse(0),
  string_to_bytes: traverse(0),
  bytes_to_string: traverse(0),
  in_list: (args) => sizeOf(args[1] as Value),
  less_string: smaller,
  greater_string: smaller,
  less_equals_string: smaller,
  greater_equals_string: smaller,
  less_bytes: smaller,
  greater_bytes: smaller,
  less_equals_bytes: smaller,
  greater_equals_bytes: smaller,
  equals: equality,
  not_equals: equality,
  add_string: both,
  add_bytes: both,
  matches: pattern,
  matches_string: pattern,
  contains_string: (args) => characters(sizeOf(args[0] as Value)) * characters(sizeOf(args[1] as Value)),
  list_slice: newList(ofResult),
  lists_range: newList(ofResult),
  list_reverse: newList(ofResult),
  list_flatten: (args, result) => flattening(args, result),
  list_flatten_int: (args, result) => flattening(args, result),
  list_distinct: (args, result) => selfComparison(0)(args, result),
  list_sets_contains_list: product(1),
  list_sets_intersects_list: product(1),
  list_sets_equivalent_list: product(2),
};

/** A new list (cel-go, ext/lists.go): its making, and a factor for each of so many items. */
function newList(size: (args: readonly Value[], result: Value) => number, factor = 1): CallCost {
  return (args, result) => Math.trunc(size(args, result) * factor) + LIST_COST + 1;
}

function ofResult(_args: readonly Value[], result: Value): number {
  return sizeOf(result);
}

const flattening: CallCost = (args) => {
  const depth = typeof args[1] === 'bigint' ? Number(args[1]) : 1;
  return sizeOf(args[0] as Value) * depth + LIST_COST + 1;
};

const SORT = /^list_\w+_(sort|sortByAssociatedKeys)$/;

function sortCost(overloadId: string): CallCost | undefined {
  const kind = SORT.exec(overloadId)?.[1];
  return kind === undefined ? undefined : selfComparison(kind === 'sort' ? 0 : 1);
}

/** Every item with every other, at worst. */
function selfComparison(index: number): CallCost {
  return (args) => {
    const list = args[index];
    const first = list instanceof ListValue && list.length > 0 ? list.at(0) : undefined;
    const isText = typeof first === 'string' || first instanceof Uint8Array;
    return newList(() => sizeOf(list as Value) ** 2, isText ? 2 + PER_CHARACTER : 2)(args, null);
  };
}

/** cel-go, ext/sets.go: every item of one list is compared with every item of the other. */
function product(factor: number): CallCost {
  return (args) => 1 + sizeOf(args[0] as Value) * sizeOf(args[1] as Value) * factor;
}

type FunctionCost = number | CallCost | ({ readonly default: number | CallCost } & Record<string, number | CallCost>);

/** What comparing all items of a list costs (`traversalCost`). */
const traversal: CallCost = (args) => traversalCost(args[0] as Value);

function traversalCost(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    const bytes = typeof value === 'string' ? utf8Length(value) : value.length;
    return Math.trunc(bytes * PER_CHARACTER);
  }
  if (value instanceof ListValue) {
    return value.toArray().reduce<number>((sum, item) => sum + traversalCost(item), 0);
  }
  if (value instanceof MapValue || value instanceof ObjectValue) {
    let sum = 0;
    for (const key of keysOf(value)) {
      const member = value instanceof MapValue ? value.source.get(key) : value.source.get(key as string);
      sum += traversalCost(key) + traversalCost(member as Value);
    }
    return sum;
  }
  return 1;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Network prefixes and the addresses within: sizes of 4 or 16 bytes. */
function networkCost(ofText: string, masked: boolean): FunctionCost {
  const cost = (args: readonly Value[]): number => {
    const size = networkSize(args[0] as Value);
    return characters(2 * size) + (masked ? characters(size) + 1 : 0);
  };
  return {
    default: cost,
    [ofText]: (args: readonly Value[]) => cost(args) + characters(networkSize(args[1] as Value)),
  };
}

function networkSize(value: Value): number {
  return value instanceof OpaqueValue && 'byteLength' in value ? Number(value.byteLength) : sizeOf(value);
}

/** A selector: its text, and a requirement for each two characters at most. */
const selector: CallCost = (args) => {
  const size = sizeOf(args[1] as Value);
  return LIST_COST + characters(size) + characters(characters(size, 0.5), LIST_COST + STRUCT_COST);
};

const validation: CallCost = (args) => {
  const [format, text] = args;
  const longest = typeof format === 'object' && format !== null && 'patternSize' in format ? format.patternSize : 0;
  return characters(1 + sizeOf(text as Value)) * characters(Number(longest), PER_PATTERN_CHARACTER);
};

function each(names: readonly string[], cost: FunctionCost): [string, FunctionCost][] {
  return names.map((name) => [name, cost]);
}

const BY_FUNCTION: Readonly<Record<string, FunctionCost>> = Object.fromEntries([
  ...each(['check'], CHECK_COST),
  ...each(['serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name'], 1),
  ...each(['allowed', 'reason', 'error', 'errored'], 1),
  ...each(['fieldSelector', 'labelSelector'], selector),
  ...each(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'], traversal),
  ...each(['url', 'lowerAscii', 'upperAscii', 'substring', 'trim', 'jsonpatch.escapeKey'], traverse(0)),
  ...each(['replace', 'split'], traverse(0, 2 * PER_CHARACTER)),
  ...each(['join'], (_args, result) => characters(sizeOf(result), 2 * PER_CHARACTER)),
  ...each(['find', 'findAll'], pattern),
  ...each(['cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'], traverse(0)),
  ...each(['ip'], { default: traverse(0), cidr_ip: 1 }),
  ...each(['ip.isCanonical'], traverse(0, 2 * PER_CHARACTER)),
  ...each(['masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast'], 1),
  ...each(['isLinkLocalUnicast', 'isGlobalUnicast', 'format.named'], 1),
  ...each(['containsIP'], networkCost('cidr_contains_ip_string', false)),
  ...each(['containsCIDR'], networkCost('cidr_contains_cidr_string', true)),
  ...each(['validate'], validation),
  ...each(['sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan'], 1),
  ...each(['compareTo', 'add', 'sub', 'major', 'minor', 'patch'], 1),
  ...each(['getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'], 1),
]);
