/**
 * What calls are estimated to cost: `k8s.io/apiserver/pkg/cel/library/cost.go` EstimateCallCost by function, then
 * cel-go's by overload (checker/cost.go functionCost, ext/lists.go, ext/sets.go). Arguments' own costs are not in it.
 */
import type { Expr } from './ast.ts';
import { type Estimate, exactly, MOST, plus, scaled, times, UNKNOWN } from './estimates.ts';
import type { CelType } from './types.ts';

/** An argument, as far as its size is known. */
export interface CostNode {
  readonly type: CelType;
  readonly path?: readonly string[];
  readonly size?: Estimate;
  readonly expr?: Expr;
}

export interface CallEstimate {
  readonly cost: Estimate;
  /** Of the result, where that is a list, map, string or bytes. */
  readonly size?: Estimate;
}

export interface EstimatedCall {
  readonly name: string;
  readonly overloadId: string;
  /** Absent for calls without one; upstream's table takes it for present there. */
  readonly target: CostNode | undefined;
  readonly args: readonly CostNode[];
  readonly sizeOf: (node: CostNode | undefined) => Estimate;
}

const PER_CHARACTER = 0.1;
const PER_PATTERN_CHARACTER = 0.25;
const CHECK_COST = 350_000;
const LIST_COST = 10;
const STRUCT_COST = 40;
/** Length of the longest pattern of a named format. */
const LONGEST_FORMAT_PATTERN = 128;
const LONGEST_FORMAT = 64;
const ONE = exactly(1);

export function estimateCall(call: EstimatedCall): CallEstimate {
  const byFunction = Object.hasOwn(BY_FUNCTION, call.name) ? BY_FUNCTION[call.name]?.(call) : undefined;
  if (byFunction !== undefined) {
    return byFunction;
  }
  const byOverload = Object.hasOwn(BY_OVERLOAD, call.overloadId) ? BY_OVERLOAD[call.overloadId]?.(call) : undefined;
  return byOverload ?? sortEstimate(call) ?? { cost: ONE };
}

/** Undefined: this rule has nothing to say of the call. */
type Rule = (call: EstimatedCall) => CallEstimate | undefined;

const constant =
  (cost: number): Rule =>
  () => ({ cost: exactly(cost) });

function traverseTarget(factor = PER_CHARACTER): Rule {
  return ({ target, sizeOf }) => {
    const size = sizeOf(target);
    return target && { cost: scaled(size, factor), size };
  };
}

function traverseArgument(factor = PER_CHARACTER): Rule {
  return ({ args, sizeOf }) => ({ cost: scaled(sizeOf(args[0]), factor) });
}

/** One for each item, and for items that are texts what reading them costs. */
const traverseList: Rule = ({ target, sizeOf }) => {
  if (target === undefined) {
    return undefined;
  }
  const element = elementOf(target);
  if (element === undefined) {
    return { cost: scaled(sizeOf(target), PER_CHARACTER) };
  }
  const isText = element.type.kind === 'string' || element.type.kind === 'bytes';
  const perItem = isText ? plus(ONE, scaled(sizeOf(element), PER_CHARACTER)) : ONE;
  return { cost: times(sizeOf(target), perItem) };
};

function elementOf(list: CostNode): CostNode | undefined {
  const type = list.type.kind === 'list' ? list.type.element : list.type.kind === 'map' ? list.type.key : undefined;
  return type && { type, ...(list.path === undefined ? {} : { path: [...list.path, '@items'] }) };
}

const join: Rule = ({ target, args, sizeOf }) => {
  if (target === undefined) {
    return undefined;
  }
  const count = sizeOf(target);
  const element = elementOf(target);
  const texts = element === undefined ? exactly(0) : times(count, sizeOf(element));
  const seams = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
  const size = args[0] === undefined ? texts : plus(texts, times(sizeOf(args[0]), seams));
  return { cost: scaled(size, PER_CHARACTER), size };
};

const split: Rule = ({ target, args, sizeOf }) => {
  const size = sizeOf(target);
  const limit = args[1]?.expr;
  const isLiteral = limit?.kind === 'literal' && typeof limit.value === 'bigint';
  const max = isLiteral && limit.value !== null ? Number(BigInt.asUintN(64, limit.value as bigint)) : size.max;
  return target && { cost: scaled(size, 2 * PER_CHARACTER), size: { min: 0, max } };
};

const replace: Rule = ({ target, args, sizeOf }) => {
  if (target === undefined || args.length < 2) {
    return undefined;
  }
  const size = sizeOf(target);
  const from = sizeOf(args[0]);
  const to = sizeOf(args[1]);
  const max = replacedLength(size.max, { from: from.min, to: to.max, grows: to.max > from.min });
  const min = replacedLength(size.min, { from: from.max, to: to.min, grows: from.max > to.min });
  return { cost: scaled(size, 2 * PER_CHARACTER), size: { min: Math.min(min, MOST), max: Math.min(max, MOST) } };
};

/** Of a text in which as many parts as fit are replaced; an empty part stands around every character. */
function replacedLength(length: number, parts: { from: number; to: number; grows: boolean }): number {
  if (parts.from === 0) {
    return (length + 1) * parts.to + length;
  }
  return parts.grows ? Math.ceil(length / parts.from) * parts.to : length;
}

const find: Rule = ({ target, args, sizeOf }) => {
  const size = sizeOf(target);
  const text = scaled(plus(size, ONE), PER_CHARACTER);
  const pattern = scaled(sizeOf(args[0]), PER_PATTERN_CHARACTER);
  return target && { cost: times(text, pattern), size: { min: 0, max: size.max } };
};

const selector: Rule = ({ args, sizeOf }) => {
  const size = sizeOf(args[0]);
  const requirements = scaled(scaled(size, 0.5), LIST_COST + STRUCT_COST);
  return { cost: plus(exactly(LIST_COST), scaled(size, PER_CHARACTER), requirements) };
};

/** Addresses have 4 or 16 bytes. */
const ADDRESS: Estimate = { min: 4, max: 16 };

function network(ofText: string, masked: boolean): Rule {
  return ({ args, overloadId, sizeOf }) => {
    const compared = scaled(plus(ADDRESS, ADDRESS), PER_CHARACTER);
    const more = masked ? plus(scaled(ADDRESS, PER_CHARACTER), ONE) : exactly(0);
    const parsed = overloadId === ofText ? scaled(sizeOf(args[0]), PER_CHARACTER) : exactly(0);
    return { cost: plus(compared, more, parsed) };
  };
}

const validate: Rule = ({ args, sizeOf }) => ({
  cost: scaled(scaled(sizeOf(args[0]), PER_CHARACTER), LONGEST_FORMAT_PATTERN * PER_PATTERN_CHARACTER),
});

const SMALL_TYPES = new Set([
  'net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.Semver', 'kubernetes.authorization.Authorizer',
  'kubernetes.authorization.PathCheck', 'kubernetes.authorization.GroupCheck',
  'kubernetes.authorization.ResourceCheck', 'kubernetes.authorization.Decision',
]); // prettier-ignore

/** Of a library's own values. */
const equality: Rule = ({ args }) => {
  const [left, right] = args;
  if (left?.type.kind !== 'opaque' || right?.type.kind !== 'opaque' || left.type.name !== right.type.name) {
    return undefined;
  }
  if (SMALL_TYPES.has(left.type.name)) {
    return { cost: ONE };
  }
  if (left.type.name === 'kubernetes.NamedFormat') {
    return { cost: scaled({ min: 1, max: LONGEST_FORMAT }, PER_CHARACTER) };
  }
  const size = right.size ?? ONE;
  return left.type.name === 'kubernetes.URL' ? { cost: scaled({ min: 1, max: size.max }, PER_CHARACTER) } : undefined;
};

const url: Rule = ({ args, sizeOf }) => {
  const size = sizeOf(args[0]);
  return args.length === 1 ? { cost: scaled(size, PER_CHARACTER), size } : undefined;
};

function each(names: readonly string[], rule: Rule): [string, Rule][] {
  return names.map((name) => [name, rule]);
}

const BY_FUNCTION: Readonly<Record<string, Rule>> = Object.fromEntries([
  ...each(['check'], constant(CHECK_COST)),
  ...each(['serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name'], constant(1)),
  ...each(['allowed', 'reason', 'error', 'errored'], constant(1)),
  ...each(['fieldSelector', 'labelSelector'], selector),
  ...each(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'], traverseList),
  ...each(['url', 'jsonpatch.escapeKey'], url),
  ...each(['lowerAscii', 'upperAscii', 'substring', 'trim'], traverseTarget()),
  ...each(['replace'], replace),
  ...each(['split'], split),
  ...each(['join'], join),
  ...each(['find', 'findAll'], find),
  ...each(['cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'], traverseArgument()),
  ...each(['ip'], (call) => (call.overloadId === 'cidr_ip' ? { cost: ONE } : traverseArgument()(call))),
  ...each(['ip.isCanonical'], traverseArgument(2 * PER_CHARACTER)),
  ...each(['masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast'], constant(1)),
  ...each(['isLinkLocalUnicast', 'isGlobalUnicast', 'format.named'], constant(1)),
  ...each(['containsIP'], network('cidr_contains_ip_string', false)),
  ...each(['containsCIDR'], network('cidr_contains_cidr_string', true)),
  ...each(['validate'], validate),
  ...each(['sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan'], constant(1)),
  ...each(['compareTo', 'add', 'sub', 'major', 'minor', 'patch'], constant(1)),
  ...each(['getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'], constant(1)),
  ...each(['_==_'], equality),
]);

const smaller: Rule = ({ args, sizeOf }) => {
  const max = Math.min(sizeOf(args[0]).max, sizeOf(args[1]).max);
  return { cost: scaled({ min: max > 0 ? 1 : 0, max }, PER_CHARACTER) };
};

const concatenation: Rule = ({ args, sizeOf }) => {
  const size = plus(sizeOf(args[0]), sizeOf(args[1]));
  return { cost: scaled(size, PER_CHARACTER), size };
};

const contains: Rule = ({ target, args, sizeOf }) => {
  const cost = times(scaled(sizeOf(target), PER_CHARACTER), scaled(sizeOf(args[0]), PER_CHARACTER));
  return target && { cost };
};

function converted(factor: number): Rule {
  return ({ args, sizeOf }) => {
    const size = sizeOf(args[0]);
    const result =
      factor > 1
        ? { min: size.min, max: Math.min(size.max * factor, MOST) }
        : { min: Math.floor(size.min * factor), max: size.max };
    return { cost: scaled(size, PER_CHARACTER), size: result };
  };
}

/** A new list of about that size: its making, and a factor for each item. */
function newList(size: Estimate, factor: number): CallEstimate {
  return { cost: plus(scaled(size, factor), exactly(LIST_COST + 1)), size };
}

function literalInt(node: CostNode | undefined, otherwise: number): number {
  const literal = node?.expr?.kind === 'literal' ? node.expr.value : undefined;
  return typeof literal === 'bigint' && literal >= 0n ? Number(literal) : otherwise;
}

const flatten: Rule = ({ target, args, sizeOf }) =>
  newList(sizeOf(target), args.length === 0 ? 1 : literalInt(args[0], MOST));

const slice: Rule = ({ target, args, sizeOf }) => {
  const end = literalInt(args[1], sizeOf(target).max);
  return newList(exactly(Math.max(0, end - literalInt(args[0], 0))), 1);
};

const SORT = /^list_(\w+)_(sort|sortByAssociatedKeys)$/;

function sortEstimate({ overloadId, target, args, sizeOf }: EstimatedCall): CallEstimate | undefined {
  const match = SORT.exec(overloadId);
  if (match === null) {
    return undefined;
  }
  const size = sizeOf(match[2] === 'sort' ? target : args[0]);
  const isText = match[1] === 'string' || match[1] === 'bytes';
  return newList(times(size, size), isText ? 2 + PER_CHARACTER : 2);
}

/** Each item of one list with each of the other. */
function product(factor: number): Rule {
  return ({ args, sizeOf }) => ({ cost: plus(scaled(times(sizeOf(args[0]), sizeOf(args[1])), factor), ONE) });
}

const BY_OVERLOAD: Readonly<Record<string, Rule>> = Object.fromEntries([
  ...each(['string_to_bytes'], converted(4)),
  ...each(['bytes_to_string'], converted(0.25)),
  ...each(['strings_quote'], ({ args, sizeOf }) => {
    const size = sizeOf(args[0]);
    return { cost: scaled(size, PER_CHARACTER), size: { min: size.min + 2, max: Math.min(size.max * 2 + 2, MOST) } };
  }),
  ...each(['string_format'], ({ target, sizeOf }) => ({ cost: scaled(sizeOf(target), PER_CHARACTER), size: UNKNOWN })),
  ...each(['starts_with_string', 'ends_with_string'], traverseArgument()),
  ...each(['in_list'], ({ args, sizeOf }) => ({ cost: sizeOf(args[1]) })),
  ...each(['matches_string'], (call) => {
    const found = find(call);
    return found && { cost: found.cost };
  }),
  ...each(['contains_string'], contains),
  ...each(['add_string', 'add_bytes'], concatenation),
  ...each(['add_list'], (call) => ({ cost: ONE, size: plus(call.sizeOf(call.args[0]), call.sizeOf(call.args[1])) })),
  ...each(['less_string', 'greater_string', 'less_equals_string', 'greater_equals_string'], smaller),
  ...each(['less_bytes', 'greater_bytes', 'less_equals_bytes', 'greater_equals_bytes'], smaller),
  ...each(['equals', 'not_equals'], smaller),
  ...each(['list_sets_contains_list', 'list_sets_intersects_list'], product(1)),
  ...each(['list_sets_equivalent_list'], product(2)),
  ...each(['list_slice'], slice),
  ...each(['list_flatten', 'list_flatten_int'], flatten),
  ...each(['lists_range'], ({ args }) => newList(exactly(literalInt(args[0], MOST)), 1)),
  ...each(['list_reverse'], ({ target, sizeOf }) => newList(sizeOf(target), 1)),
  ...each(['list_distinct'], ({ target, sizeOf }) => newList(times(sizeOf(target), sizeOf(target)), 2)),
]);
