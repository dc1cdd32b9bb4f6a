/**
 * Estimates what an expression may cost, before it is evaluated, from the sizes that schemas declare: cel-go's
 * checker/cost.go, with the sizes of `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel` sizeEstimator.
 */
import { ACCUMULATOR, type CallExpr, type ComprehensionExpr, type Expr, type SelectExpr } from './ast.ts';
import type { CostRange } from './cel.ts';
import { type CheckedExpr, checkedType } from './checked.ts';
import { isBind } from './compile-fold.ts';
import { type Estimate, exactly, MOST, plus, times, union, UNKNOWN, ZERO } from './estimates.ts';
import { type CallEstimate, type CostNode, estimateCall } from './static-call-cost.ts';
import type { CelType } from './types.ts';
import { codePointCount } from './values.ts';
import { visit } from './visit.ts';

const SELECT_COST = exactly(1);
const LIST_COST = exactly(10);
const MAP_COST = exactly(30);
const STRUCT_COST = exactly(40);

export function estimateCost(checked: CheckedExpr): CostRange {
  return new Coster(checked).cost(checked.root);
}

/** Sizes of what is in a list or map. */
interface EntrySize {
  readonly kind: 'list' | 'map';
  readonly key: Estimate;
  readonly value: Estimate;
}

/** From a declared variable: field names, `@items`, `@keys`, `@values`, `@indices`. */
type Path = readonly string[];

interface LocalSize {
  readonly name: string;
  readonly path: Path | undefined;
  readonly size?: Estimate | undefined;
  readonly entrySize?: EntrySize | undefined;
}

class Coster {
  readonly #checked: CheckedExpr;
  readonly #paths = new Map<number, Path>();
  readonly #sizes = new Map<number, Estimate>();
  readonly #entrySizes = new Map<number, EntrySize>();
  readonly #locals: LocalSize[] = [];
  /** Declared types of variables, by name. */
  readonly #roots = new Map<string, CelType>();

  constructor(checked: CheckedExpr) {
    this.#checked = checked;
    visit(checked.root, (expr) => {
      const name = checked.names.get(expr.id);
      if (name?.kind === 'variable') {
        this.#roots.set(name.name, name.type);
      }
    });
  }

  cost(expr: Expr): Estimate {
    switch (expr.kind) {
      case 'literal':
        return ZERO;
      case 'ident':
        this.#setPath(expr, this.#local(expr.name)?.path ?? this.#rootPath(expr));
        return SELECT_COST;
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr.id, expr.elements);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return plus(...expr.fields.map((field) => this.cost(field.value)), STRUCT_COST);
      case 'comprehension':
        return isBind(expr) ? this.#bind(expr) : this.#fold(expr);
    }
  }

  #local(name: string): LocalSize | undefined {
    return this.#locals.findLast((local) => local.name === name);
  }

  #rootPath(expr: Expr): Path | undefined {
    const name = this.#checked.names.get(expr.id);
    return name === undefined ? undefined : [name.name];
  }

  #setPath(expr: Expr, path: Path | undefined): void {
    if (path !== undefined) {
      this.#paths.set(expr.id, path);
    }
  }

  #path(expr: Expr): Path | undefined {
    const local = expr.kind === 'ident' ? this.#local(expr.name) : undefined;
    return local === undefined ? this.#paths.get(expr.id) : local.path;
  }

  #extended(expr: Expr, part: string): Path | undefined {
    const path = this.#path(expr);
    return path === undefined ? undefined : [...path, part];
  }

  #select(expr: SelectExpr): Estimate {
    if (this.#checked.names.has(expr.id)) {
      this.#setPath(expr, this.#rootPath(expr));
      return SELECT_COST;
    }
    const operand = this.cost(expr.operand);
    if (expr.test) {
      return operand;
    }
    this.#setPath(expr, this.#extended(expr.operand, expr.field));
    const { kind } = checkedType(this.#checked, expr.operand);
    return kind === 'map' || kind === 'object' || kind === 'parameter' ? plus(operand, SELECT_COST) : operand;
  }

  #call(expr: CallExpr): Estimate {
    if (expr.name === 'dyn' && expr.args[0] !== undefined) {
      const cost = this.cost(expr.args[0]);
      this.#copySizes(expr, expr.args[0]);
      return plus(cost, exactly(1));
    }
    const call = this.#checked.calls.get(expr.id);
    const argCosts = expr.args.map((arg) => this.cost(arg));
    const member = expr.target !== undefined && call?.qualified !== true;
    const targetCost = member ? this.cost(expr.target as Expr) : ZERO;
    const overloads = call?.overloads ?? [];
    if (overloads.length === 0) {
      return expr.name === '_?._' ? plus(...argCosts, SELECT_COST) : ZERO;
    }
    let cost: Estimate = { min: MOST, max: 0 };
    let size: Estimate | undefined;
    for (const { id } of overloads) {
      const estimate = this.#overload(expr, id, { argCosts, member });
      cost = union(cost, estimate.cost);
      size = estimate.size === undefined ? size : union(size ?? estimate.size, estimate.size);
      size = this.#indexSize(expr, id, size) ?? this.#size(expr);
    }
    if (size !== undefined) {
      this.#sizes.set(expr.id, size);
    }
    return plus(targetCost, cost);
  }

  /** An index leads further along the path. */
  #indexSize(expr: CallExpr, overloadId: string, size: Estimate | undefined): Estimate | undefined {
    const [operand] = expr.args;
    if (operand === undefined || (overloadId !== 'index_list' && overloadId !== 'index_map')) {
      return size;
    }
    this.#setPath(expr, this.#extended(operand, overloadId === 'index_list' ? '@items' : '@values'));
    return this.#entrySize(operand)?.value;
  }

  #overload(
    expr: CallExpr,
    overloadId: string,
    parts: { argCosts: readonly Estimate[]; member: boolean },
  ): CallEstimate {
    const { argCosts, member } = parts;
    const [first = ZERO, second = ZERO, third = ZERO] = argCosts;
    if (overloadId === 'logical_and' || overloadId === 'logical_or') {
      return { cost: { min: first.min, max: plus(first, second).max } };
    }
    const args = expr.args.map((arg) => this.#node(arg));
    if (overloadId === 'conditional') {
      this.#unionEntries(expr, expr.args[1], expr.args[2]);
      const size = union(this.#sizeOrUnknown(args[1]), this.#sizeOrUnknown(args[2]));
      return { cost: plus(first, union(second, third)), size };
    }
    if (overloadId.startsWith('add_')) {
      this.#unionEntries(expr, expr.args[0], expr.args[1]);
    }
    const target = member ? this.#node(expr.target as Expr) : undefined;
    const own = estimateCall({
      name: this.#checked.calls.get(expr.id)?.name ?? expr.name,
      overloadId,
      target,
      args,
      sizeOf: (node) => this.#sizeOrUnknown(node),
    });
    return own.size === undefined
      ? { cost: plus(own.cost, ...argCosts) }
      : { cost: plus(own.cost, ...argCosts), size: own.size };
  }

  #node(expr: Expr): CostNode {
    const path = this.#path(expr);
    const type = checkedType(this.#checked, expr);
    const size = this.#size(expr);
    return { type, ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size }), expr };
  }

  #sizeOrUnknown(node: CostNode | undefined): Estimate {
    if (node === undefined) {
      return UNKNOWN;
    }
    return node.size ?? this.#declaredSize(node.path) ?? UNKNOWN;
  }

  #list(id: number, elements: readonly Expr[]): Estimate {
    const costs = elements.map((element) => this.cost(element));
    this.#entrySizes.set(id, { kind: 'list', key: exactly(1), value: this.#unionOf(elements) });
    return plus(...costs, LIST_COST);
  }

  #map(expr: Extract<Expr, { kind: 'map' }>): Estimate {
    const keys = expr.entries.map((entry) => entry.key);
    const values = expr.entries.map((entry) => entry.value);
    const costs = [...keys, ...values].map((part) => this.cost(part));
    this.#entrySizes.set(expr.id, { kind: 'map', key: this.#unionOf(keys), value: this.#unionOf(values) });
    return plus(...costs, MAP_COST);
  }

  #unionOf(exprs: readonly Expr[]): Estimate {
    const sizes = exprs.map((expr) => this.#size(expr) ?? UNKNOWN);
    return sizes.reduce(union, sizes[0] ?? ZERO);
  }

  #bind(expr: ComprehensionExpr): Estimate {
    const before = plus(this.cost(expr.range), this.cost(expr.init));
    this.#pushValue(expr.accumulator, expr.init);
    const cost = plus(before, this.cost(expr.result));
    this.#locals.pop();
    this.#copySizes(expr, expr.result);
    return cost;
  }

  #pushValue(name: string, expr: Expr): void {
    const entrySize = this.#entrySize(expr);
    this.#locals.push({ name, path: this.#path(expr), size: this.#size(expr), entrySize });
  }

  #fold(expr: ComprehensionExpr): Estimate {
    const before = plus(this.cost(expr.range), this.cost(expr.init));
    const depth = this.#locals.length;
    this.#locals.push({
      name: expr.accumulator,
      path: undefined,
      size: this.#size(expr.init),
      entrySize: this.#entrySize(expr.init),
    });
    this.#locals.push(...this.#iterated(expr));
    const perItem = plus(this.cost(expr.step), this.cost(expr.condition));
    this.#locals.length = depth + 1;
    const result = this.cost(expr.result);
    this.#locals.length = depth;
    const count = this.#size(expr.range) ?? UNKNOWN;
    if (expr.init.kind === 'literal') {
      this.#copySizes(expr, expr.init);
    } else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.#sizes.set(expr.id, count);
      this.#copyEntries(expr, expr.step);
    }
    return plus(before, result, times(count, perItem));
  }

  #iterated(expr: ComprehensionExpr): LocalSize[] {
    const { range } = expr;
    const sizes = this.#entrySize(range);
    const kind = sizes?.kind ?? checkedType(this.#checked, range).kind;
    const isList = kind === 'list';
    const key = { path: this.#extended(range, isList ? '@indices' : '@keys'), size: sizes?.key };
    const value = { path: this.#extended(range, isList ? '@items' : '@values'), size: sizes?.value };
    if (expr.variable2 === undefined) {
      return [{ name: expr.variable, ...(isList ? value : key) }];
    }
    return [
      { name: expr.variable, ...key },
      { name: expr.variable2, ...value },
    ];
  }

  #copySizes(to: Expr, from: Expr): void {
    const size = this.#size(from);
    if (size !== undefined) {
      this.#sizes.set(to.id, size);
    }
    this.#copyEntries(to, from);
  }

  #copyEntries(to: Expr, from: Expr): void {
    const entries = this.#entrySize(from);
    if (entries !== undefined) {
      this.#entrySizes.set(to.id, entries);
    }
  }

  #unionEntries(to: Expr, a: Expr | undefined, b: Expr | undefined): void {
    const left = a && this.#entrySize(a);
    const right = b && this.#entrySize(b);
    if (left !== undefined && right !== undefined) {
      const merged = { kind: left.kind, key: union(left.key, right.key), value: union(left.value, right.value) };
      this.#entrySizes.set(to.id, merged);
    }
  }

  #entrySize(expr: Expr): EntrySize | undefined {
    const own = this.#entrySizes.get(expr.id);
    return own ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entrySize : undefined);
  }

  /** From the expression, from what is declared, from the type, from the fold: the first that says something. */
  #size(expr: Expr): Estimate | undefined {
    const known = this.#sizes.get(expr.id) ?? writtenSize(expr) ?? this.#declaredSize(this.#path(expr));
    if (known !== undefined) {
      return known;
    }
    if (isScalar(checkedType(this.#checked, expr))) {
      return exactly(1);
    }
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }

  #declaredSize(path: Path | undefined): Estimate | undefined {
    const [root, ...rest] = path ?? [];
    if (root === undefined || root === ACCUMULATOR) {
      return undefined;
    }
    let type = this.#roots.get(root);
    for (const part of rest) {
      type = type && stepInto(type, part);
    }
    // Variables whose types come from no schema say nothing of sizes.
    return type?.maxElements === undefined && type?.minSize === undefined
      ? undefined
      : { min: 0, max: type.maxElements ?? 0 };
  }
}

function stepInto(type: CelType, part: string): CelType | undefined {
  switch (part) {
    case '@items':
    case '@values':
      return type.kind === 'list' ? type.element : type.kind === 'map' ? type.value : undefined;
    case '@keys':
      return type.kind === 'map' ? type.key : undefined;
    default:
      return type.kind === 'object' ? type.fields.get(part)?.type : undefined;
  }
}

function writtenSize(expr: Expr): Estimate | undefined {
  switch (expr.kind) {
    case 'literal':
      if (typeof expr.value === 'string') {
        return exactly(codePointCount(expr.value));
      }
      return exactly(expr.value instanceof Uint8Array ? expr.value.length : 1);
    case 'list':
      return exactly(expr.elements.length);
    case 'map':
      return exactly(expr.entries.length);
    default:
      return undefined;
  }
}

const SCALARS: ReadonlySet<CelType['kind']> = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);

function isScalar(type: CelType): boolean {
  if (type.kind === 'opaque' && type.name === 'optional_type' && type.parameters[0] !== undefined) {
    return isScalar(type.parameters[0]);
  }
  return SCALARS.has(type.kind);
}
