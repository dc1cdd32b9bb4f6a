/**
 * Calls made executable: the logical operators, which absorb errors, and calls of overloads, bound before evaluation
 * where the types allow and chosen by the values otherwise.
 */
import { indexInto, noSuchOverload } from './access.ts';
import { ACCUMULATOR, type CallExpr, type Expr } from './ast.ts';
import { CelError } from './cel.ts';
import { checkedType } from './checked.ts';
import type { Compiler } from './compiler.ts';
import type { Overload } from './declarations.ts';
import { membershipOf } from './equality.ts';
import { type Frame, isAbsorbable, type Step } from './frame.ts';
import { fits, isSurelyFitting } from './fits.ts';
import type { CallCost } from './runtime-cost.ts';
import { LiteralMap, ListValue, MapValue, OptionalValue, type Value } from './values.ts';

type Special = (compiler: Compiler, expr: CallExpr) => Step | undefined;

const SPECIAL: Readonly<Record<string, Special>> = {
  '_&&_': (compiler, expr) => logical(compiler, expr, false),
  '_||_': (compiler, expr) => logical(compiler, expr, true),
  '_?_:_': conditional,
  '@not_strictly_false': notStrictlyFalse,
  '_?._': optionalSelect,
  '_[_]': indexed,
  '@in': inConstantList,
  '_+_': appendToGrowing,
  'cel.@mapInsert': insertIntoGrowing,
  or: optionalOr,
  orValue: optionalOr,
};

/** Functions whose calls with a literal are computed once, and then are free. */
const CONVERSIONS = new Set(['bool', 'bytes', 'double', 'duration', 'int', 'string', 'timestamp', 'uint']);

export function compileCall(compiler: Compiler, expr: CallExpr): Step {
  const special = Object.hasOwn(SPECIAL, expr.name) ? SPECIAL[expr.name] : undefined;
  return special?.(compiler, expr) ?? compileOverloads(compiler, expr);
}

function argumentsOf(compiler: Compiler, expr: CallExpr): readonly Expr[] {
  const qualified = compiler.checked.calls.get(expr.id)?.qualified ?? false;
  return expr.target === undefined || qualified ? expr.args : [expr.target, ...expr.args];
}

interface Candidate {
  readonly overload: Overload;
  readonly cost: CallCost | number;
}

function compileOverloads(compiler: Compiler, expr: CallExpr): Step {
  const call = compiler.checked.calls.get(expr.id);
  const exprs = argumentsOf(compiler, expr);
  const types = exprs.map((arg) => checkedType(compiler.checked, arg));
  const candidates = (call?.overloads ?? []).map((overload) => ({
    overload,
    cost: compiler.costs(call?.name ?? expr.name, overload.id),
  }));
  const [first] = candidates;
  const args = exprs.map((arg) => compiler.compile(arg));
  const bound =
    candidates.length === 1 &&
    first !== undefined &&
    first.overload.args.every((wanted, index) => isSurelyFitting(types[index], wanted));
  const step = bound ? callBound(first, args) : callChosen(candidates, args);
  return CONVERSIONS.has(expr.name) ? foldConversion(exprs, step) : step;
}

function callBound({ overload, cost }: Candidate, args: readonly Step[]): Step {
  const { call } = overload;
  const [first, second] = args;
  if (typeof cost === 'number' && first !== undefined && args.length <= 2) {
    return second === undefined ? callUnary(call, first, cost) : callBinary(call, [first, second], cost);
  }
  return (frame) => {
    const values = args.map((arg) => arg(frame));
    const result = call(...values);
    frame.spend(typeof cost === 'number' ? cost : cost(values, result));
    return result;
  };
}

function callUnary(call: Overload['call'], arg: Step, cost: number): Step {
  return (frame) => {
    const value = arg(frame);
    frame.spend(cost);
    return call(value);
  };
}

function callBinary(call: Overload['call'], args: readonly [Step, Step], cost: number): Step {
  const [left, right] = args;
  return (frame) => {
    const a = left(frame);
    const b = right(frame);
    frame.spend(cost);
    return call(a, b);
  };
}

function callChosen(candidates: readonly Candidate[], args: readonly Step[]): Step {
  return (frame) => {
    const values = args.map((arg) => arg(frame));
    const chosen = candidates.find(({ overload }) => fitsAll(overload, values));
    if (chosen === undefined) {
      throw noSuchOverload();
    }
    const result = chosen.overload.call(...values);
    frame.spend(typeof chosen.cost === 'number' ? chosen.cost : chosen.cost(values, result));
    return result;
  };
}

function fitsAll(overload: Overload, values: readonly Value[]): boolean {
  return (
    overload.args.length === values.length && overload.args.every((type, index) => fits(values[index] as Value, type))
  );
}

function foldConversion(exprs: readonly Expr[], step: Step): Step {
  if (exprs.length !== 1 || exprs[0]?.kind !== 'literal') {
    return step;
  }
  let constant: Value | undefined;
  return (frame) => {
    if (constant === undefined) {
      const before = frame.cost;
      constant = step(frame);
      frame.cost = before;
    }
    return constant;
  };
}

/** `&&` ends at false and `||` at true, whichever side says so; only then is the other side's error forgotten. */
function logical(compiler: Compiler, expr: CallExpr, decisive: boolean): Step {
  const [left, right] = expr.args.map((arg) => compiler.compile(arg)) as [Step, Step];
  return (frame) => {
    const a = attempt(left, frame);
    if (a === decisive) {
      return decisive;
    }
    const b = attempt(right, frame);
    if (b === decisive) {
      return decisive;
    }
    if (a === !decisive && b === !decisive) {
      return !decisive;
    }
    throw a instanceof CelError ? a : b instanceof CelError ? b : noSuchOverload();
  };
}

function attempt(step: Step, frame: Frame): Value | CelError {
  try {
    return step(frame);
  } catch (error) {
    if (isAbsorbable(error)) {
      return error;
    }
    throw error;
  }
}

function conditional(compiler: Compiler, expr: CallExpr): Step {
  const [condition, whenTrue, whenFalse] = expr.args.map((arg) => compiler.compile(arg)) as [Step, Step, Step];
  return (frame) => {
    const decided = condition(frame);
    if (typeof decided !== 'boolean') {
      throw noSuchOverload();
    }
    return decided ? whenTrue(frame) : whenFalse(frame);
  };
}

/** A fold's condition: an error does not end it. */
function notStrictlyFalse(compiler: Compiler, expr: CallExpr): Step {
  const step = compiler.compile(expr.args[0] as Expr);
  return (frame) => {
    frame.spend(1);
    return attempt(step, frame) !== false;
  };
}

function optionalSelect(compiler: Compiler, expr: CallExpr): Step {
  const [operand, field] = expr.args as [Expr, Expr];
  const name = field.kind === 'literal' ? String(field.value) : '';
  return compiler.optionalSelect(compiler.compile(operand), name);
}

/** Whole doubles and uints are indices too, where the type is known only now. */
function indexed(compiler: Compiler, expr: CallExpr): Step {
  const [operand, index] = expr.args.map((arg) => compiler.compile(arg)) as [Step, Step];
  return (frame) => {
    const value = operand(frame);
    const key = index(frame);
    frame.spend(1);
    return indexInto(value, key);
  };
}

function inConstantList(compiler: Compiler, expr: CallExpr): Step | undefined {
  const [item, range] = expr.args as [Expr, Expr];
  const list = compiler.constant(range);
  if (!(list instanceof ListValue)) {
    return undefined;
  }
  const contains = membershipOf(list);
  const step = compiler.compile(item);
  return (frame) => contains(step(frame));
}

const LIST_COST = 10;

function isGrowing(compiler: Compiler, expr: Expr | undefined): boolean {
  return expr?.kind === 'ident' && expr.name === ACCUMULATOR && compiler.local(ACCUMULATOR)?.growing === true;
}

/** `@result + [item]`, which only the macros write, appends in place: a copy for each item would be quadratic. */
function appendToGrowing(compiler: Compiler, expr: CallExpr): Step | undefined {
  const [accumulator, added] = expr.args;
  if (!isGrowing(compiler, accumulator) || added?.kind !== 'list' || added.optional.size > 0) {
    return undefined;
  }
  const read = compiler.compile(accumulator as Expr);
  const items = added.elements.map((element) => compiler.compile(element));
  return (frame) => {
    const list = read(frame);
    if (list instanceof ListValue) {
      for (const item of items) {
        list.append(item(frame));
      }
    }
    frame.spend(LIST_COST + 1);
    return list;
  };
}

/** `cel.@mapInsert(@result, key, value)` or `(@result, map)`. */
function insertIntoGrowing(compiler: Compiler, expr: CallExpr): Step | undefined {
  const [accumulator, ...added] = expr.args;
  if (!isGrowing(compiler, accumulator)) {
    return undefined;
  }
  const read = compiler.compile(accumulator as Expr);
  const steps = added.map((arg) => compiler.compile(arg));
  return (frame) => {
    const map = read(frame);
    const values = steps.map((step) => step(frame));
    frame.spend(1);
    if (map instanceof MapValue && map.source instanceof LiteralMap) {
      insertInto(map.source, values);
    }
    return map;
  };
}

function insertInto(map: LiteralMap, values: readonly Value[]): void {
  const [first] = values;
  if (values.length === 1 && first instanceof MapValue) {
    for (const key of first.source.keys()) {
      insertEntry(map, key, first.source.get(key) as Value);
    }
    return;
  }
  insertEntry(map, first as Value, values[1] as Value);
}

function insertEntry(map: LiteralMap, key: Value, value: Value): void {
  if (typeof key !== 'string' && typeof key !== 'bigint' && typeof key !== 'boolean' && !isUint(key)) {
    throw new CelError('unsupported key type');
  }
  if (map.has(key)) {
    throw new CelError(`insert failed: key '${isUint(key) ? key.value : key}' already exists`);
  }
  map.set(key, value);
}

function isUint(key: Value): key is Extract<Value, { value: bigint }> {
  return typeof key === 'object' && key !== null && 'value' in key && typeof key.value === 'bigint';
}

/** `a.or(b)` and `a.orValue(b)`: b is evaluated only when a has no value. */
function optionalOr(compiler: Compiler, expr: CallExpr): Step | undefined {
  if (expr.target === undefined || expr.args.length !== 1 || compiler.checked.calls.get(expr.id)?.qualified === true) {
    return undefined;
  }
  const target = compiler.compile(expr.target);
  const other = compiler.compile(expr.args[0] as Expr);
  return (frame) => {
    const optional = target(frame);
    frame.spend(1);
    if (!(optional instanceof OptionalValue)) {
      throw noSuchOverload();
    }
    if (optional.value === undefined) {
      return other(frame);
    }
    return expr.name === 'or' ? optional : optional.value;
  };
}
