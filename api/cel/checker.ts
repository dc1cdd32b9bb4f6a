/**
 * Finds the type of every node, what names mean and which overloads calls may reach; problems are worded as cel-go's
 * checker words them (checker/errors.go). Lenient, it takes anything for `dyn` and leaves problems to evaluation.
 */
import type { CallExpr, ComprehensionExpr, Expr, ListExpr, MapExpr, SelectExpr, StructExpr } from './ast.ts';
import { type CheckedCall, type CheckedExpr, qualifiedName } from './checked.ts';
import type { Declared, DeclaredName } from './declared.ts';
import type { FunctionDeclaration, Overload } from './declarations.ts';
import type { Problem } from './source.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DYN,
  ERROR,
  formatType,
  INT,
  isOptional,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  parameter,
  STRING,
  UINT,
} from './types.ts';
import {
  assignAll,
  instantiate,
  isDynamic,
  isExact,
  isLarger,
  mostGeneral,
  substitute,
  Substitutions,
} from './unify.ts';
import { Uint, type Value } from './values.ts';

export interface CheckOptions {
  readonly mixedLiterals: boolean;
  readonly lenient: boolean;
}

/** Larger types are not followed: `dyn` stands for them. */
const LARGEST_TYPE = 1000;

/** The checked tree, or every problem found. */
export function check(
  root: Expr,
  declared: Declared,
  options: CheckOptions,
): { checked: CheckedExpr; problems: readonly Problem[] } {
  const checker = new Checker(declared, options);
  return checker.run(root);
}

class Checker {
  readonly #declared: Declared;
  readonly #options: CheckOptions;
  readonly #known = new Substitutions();
  readonly #types = new Map<number, CelType>();
  readonly #names = new Map<number, DeclaredName>();
  readonly #calls = new Map<number, CheckedCall>();
  readonly #problems: Problem[] = [];
  /** Variables that folds bind, innermost last. */
  readonly #scopes: { name: string; type: CelType }[] = [];
  #parameters = 0;

  constructor(declared: Declared, options: CheckOptions) {
    this.#declared = declared;
    this.#options = options;
  }

  run(root: Expr): { checked: CheckedExpr; problems: readonly Problem[] } {
    this.#check(root);
    for (const [id, type] of this.#types) {
      this.#types.set(id, substitute(this.#known, type, true));
    }
    const checked = { root, types: this.#types, names: this.#names, calls: this.#calls };
    return { checked, problems: this.#options.lenient ? [] : this.#problems };
  }

  #check(expr: Expr): CelType {
    const type = this.#typeOf(expr);
    this.#types.set(expr.id, type);
    return type;
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case 'literal':
        return literalType(expr.value);
      case 'ident':
        return this.#ident(expr, expr.name);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return this.#comprehension(expr);
    }
  }

  #problem(at: number, message: string): CelType {
    this.#problems.push({ at, message });
    return ERROR;
  }

  #undeclared(at: number, name: string): CelType {
    const text = `undeclared reference to '${name.replace(/^\./, '')}' (in container '${this.#declared.container}')`;
    return this.#problem(at, text);
  }

  #fresh(name: string): CelType {
    return parameter(`${name}#${++this.#parameters}`);
  }

  #shown(type: CelType): string {
    return formatType(substitute(this.#known, type, true));
  }

  #assign(from: CelType, to: CelType): boolean {
    return assignAll(this.#known, [from], [to]);
  }

  #mismatch(at: number, expected: CelType, found: CelType): CelType {
    return this.#problem(at, `expected type '${this.#shown(expected)}' but found '${this.#shown(found)}'`);
  }

  #expectType(expr: Expr, expected: CelType): void {
    const found = this.#types.get(expr.id) ?? DYN;
    if (!this.#assign(expected, found)) {
      this.#mismatch(expr.at, expected, found);
    }
  }

  #local(name: string): CelType | undefined {
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      if (this.#scopes[index]?.name === name) {
        return this.#scopes[index]?.type;
      }
    }
    return undefined;
  }

  #ident(expr: Expr, name: string): CelType {
    const local = this.#local(name);
    if (local !== undefined) {
      return local;
    }
    const found = this.#declared.lookupName(name);
    if (found === undefined) {
      return this.#undeclared(expr.at, name);
    }
    this.#names.set(expr.id, found);
    return found.type;
  }

  #select(expr: SelectExpr): CelType {
    const name = expr.test ? undefined : qualifiedName(expr);
    const root = name?.split('.', 1)[0];
    if (name !== undefined && (root === '' || this.#local(root ?? '') === undefined)) {
      const found = this.#declared.lookupName(name);
      if (found !== undefined) {
        this.#names.set(expr.id, found);
        return found.type;
      }
    }
    const operand = this.#check(expr.operand);
    const type = this.#field({ at: expr.at, field: expr.field }, operand, false);
    return expr.test ? BOOL : type;
  }

  #field(place: { at: number; field: string }, operand: CelType, optional: boolean): CelType {
    const target = substitute(this.#known, operand, false);
    if (isOptional(target)) {
      return optionalOf(this.#member(place, substitute(this.#known, target.parameters[0] ?? DYN, false)));
    }
    const type = this.#member(place, target);
    return optional ? optionalOf(type) : type;
  }

  #member(place: { at: number; field: string }, target: CelType): CelType {
    switch (target.kind) {
      case 'map':
        return target.value;
      case 'object':
        return target.fields.get(place.field)?.type ?? this.#problem(place.at, `undefined field '${place.field}'`);
      case 'parameter':
        this.#assign(DYN, target);
        return DYN;
      default:
        if (isDynamic(target)) {
          return DYN;
        }
        return this.#problem(place.at, `type '${this.#shown(target)}' does not support field selection`);
    }
  }

  #call(expr: CallExpr): CelType {
    if (expr.name === '_?._') {
      return this.#optionalSelect(expr);
    }
    if (expr.target === undefined) {
      const declaration = this.#declared.lookupFunction(expr.name);
      const args = expr.args.map((arg) => this.#check(arg));
      return declaration === undefined
        ? this.#noFunction(expr, expr.name)
        : this.#resolve(expr, declaration, { args, qualified: false });
    }
    const prefix = qualifiedName(expr.target);
    const shadowed = prefix !== undefined && this.#local(prefix.split('.', 1)[0] ?? '') !== undefined;
    const qualified =
      prefix === undefined || shadowed ? undefined : this.#declared.lookupFunction(`${prefix}.${expr.name}`);
    if (qualified !== undefined) {
      const args = expr.args.map((arg) => this.#check(arg));
      return this.#resolve(expr, qualified, { args, qualified: true });
    }
    const args = [expr.target, ...expr.args].map((arg) => this.#check(arg));
    const declaration = this.#declared.lookupFunction(expr.name);
    return declaration === undefined
      ? this.#noFunction(expr, expr.name)
      : this.#resolve(expr, declaration, { args, qualified: false });
  }

  #noFunction(expr: CallExpr, name: string): CelType {
    this.#calls.set(expr.id, { name, overloads: [], qualified: false });
    return this.#undeclared(expr.at, name);
  }

  #optionalSelect(expr: CallExpr): CelType {
    const [operand, field] = expr.args as [Expr, Expr];
    this.#check(field);
    const name = field.kind === 'literal' && typeof field.value === 'string' ? field.value : '';
    return this.#field({ at: expr.at, field: name }, this.#check(operand), true);
  }

  #resolve(expr: CallExpr, declaration: FunctionDeclaration, call: { args: CelType[]; qualified: boolean }): CelType {
    const member = expr.target !== undefined && !call.qualified;
    if (declaration.name === '_&&_' || declaration.name === '_||_') {
      this.#calls.set(expr.id, { name: declaration.name, overloads: declaration.overloads, qualified: false });
      expr.args.forEach((arg) => this.#expectType(arg, BOOL));
      return BOOL;
    }
    const candidates = declaration.overloads.filter((overload) => overload.member === member);
    const fitting: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of candidates) {
      const type = this.#tryOverload(overload, call.args);
      if (type !== undefined) {
        fitting.push(overload);
        result = result === undefined || isExact(result, type) ? (result ?? type) : DYN;
      }
    }
    const { name } = declaration;
    if (result === undefined) {
      const arity = candidates.filter((overload) => overload.args.length === call.args.length);
      this.#calls.set(expr.id, { name, overloads: this.#options.lenient ? arity : [], qualified: call.qualified });
      return this.#noOverload(expr, name, { args: call.args, member });
    }
    this.#calls.set(expr.id, { name, overloads: fitting, qualified: call.qualified });
    return result;
  }

  #tryOverload(overload: Overload, args: readonly CelType[]): CelType | undefined {
    if (overload.args.length !== args.length) {
      return undefined;
    }
    const suffix = `#${++this.#parameters}`;
    const wanted = overload.args.map((type) => instantiate(type, suffix));
    if (!assignAll(this.#known, args, wanted)) {
      return undefined;
    }
    return substitute(this.#known, instantiate(overload.result, suffix), false);
  }

  #noOverload(expr: CallExpr, name: string, call: { args: readonly CelType[]; member: boolean }): CelType {
    const shown = call.args.map((arg) => this.#shown(arg));
    const applied = call.member ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
    return this.#problem(expr.at, `found no matching overload for '${name}' applied to '${applied}'`);
  }

  #list(expr: ListExpr): CelType {
    let element: CelType | undefined;
    expr.elements.forEach((item, index) => {
      const type = this.#check(item);
      element = this.#join(item, element, expr.optional.has(index) ? this.#unwrapped(item, type) : type);
    });
    return listOf(element ?? this.#fresh('element'));
  }

  #unwrapped(expr: Expr, type: CelType): CelType {
    const found = substitute(this.#known, type, false);
    if (isOptional(found)) {
      return found.parameters[0] ?? DYN;
    }
    if (!isDynamic(found)) {
      this.#mismatch(expr.at, optionalOf(found), found);
    }
    return DYN;
  }

  #join(expr: Expr, before: CelType | undefined, type: CelType): CelType {
    if (before === undefined) {
      return type;
    }
    if (this.#assign(before, type)) {
      return mostGeneral(before, type);
    }
    if (this.#options.mixedLiterals || this.#options.lenient) {
      return DYN;
    }
    return this.#mismatch(expr.at, before, type);
  }

  #map(expr: MapExpr): CelType {
    let key: CelType | undefined;
    let value: CelType | undefined;
    for (const entry of expr.entries) {
      key = this.#join(entry.key, key, this.#check(entry.key));
      const type = this.#check(entry.value);
      value = this.#join(entry.value, value, entry.optional ? this.#unwrapped(entry.value, type) : type);
    }
    const type = mapOf(key ?? this.#fresh('key'), value ?? this.#fresh('value'));
    return isLarger(type, LARGEST_TYPE) ? DYN : type;
  }

  #struct(expr: StructExpr): CelType {
    const found = this.#declared.lookupName(expr.name);
    if (found === undefined) {
      return this.#undeclared(expr.at, expr.name);
    }
    if (found.type.kind !== 'type') {
      return this.#problem(expr.at, `'${this.#shown(found.type)}' is not a type`);
    }
    const type = found.type.of ?? DYN;
    if (type.kind !== 'object') {
      return this.#problem(expr.at, `'${this.#shown(type)}' is not a message type`);
    }
    this.#names.set(expr.id, found);
    for (const field of expr.fields) {
      const given = this.#check(field.value);
      const value = field.optional ? this.#unwrapped(field.value, given) : given;
      const declared = type.fields.get(field.name)?.type;
      if (declared === undefined) {
        this.#problem(field.at, `undefined field '${field.name}'`);
      } else if (!this.#assign(declared, value)) {
        const wanted = `expected type of field '${field.name}' is '${this.#shown(declared)}'`;
        this.#problem(field.at, `${wanted} but provided type is '${this.#shown(value)}'`);
      }
    }
    return type;
  }

  #comprehension(expr: ComprehensionExpr): CelType {
    const range = substitute(this.#known, this.#check(expr.range), false);
    const accumulated = this.#check(expr.init);
    const [first, second] = this.#iterated(expr, range);
    const depth = this.#scopes.length;
    this.#scopes.push({ name: expr.accumulator, type: accumulated });
    if (expr.variable2 === undefined) {
      this.#scopes.push({ name: expr.variable, type: range.kind === 'list' ? second : first });
    } else {
      this.#scopes.push({ name: expr.variable, type: first }, { name: expr.variable2, type: second });
    }
    this.#check(expr.condition);
    this.#expectType(expr.condition, BOOL);
    this.#check(expr.step);
    this.#expectType(expr.step, accumulated);
    this.#scopes.length = depth + 1;
    const result = this.#check(expr.result);
    this.#scopes.length = depth;
    return substitute(this.#known, result, false);
  }

  /** Types of index or key, and of value. */
  #iterated(expr: ComprehensionExpr, range: CelType): [CelType, CelType] {
    switch (range.kind) {
      case 'list':
        return [INT, range.element];
      case 'map':
        return [range.key, range.value];
      case 'parameter':
        this.#assign(DYN, range);
        return [DYN, DYN];
      default:
        if (!isDynamic(range)) {
          const reason = 'cannot be range of a comprehension (must be list, map, or dynamic)';
          this.#problem(expr.range.at, `expression of type '${this.#shown(range)}' ${reason}`);
          return [ERROR, ERROR];
        }
        return [DYN, DYN];
    }
  }
}

function literalType(value: Value): CelType {
  switch (typeof value) {
    case 'string':
      return STRING;
    case 'bigint':
      return INT;
    case 'number':
      return DOUBLE;
    case 'boolean':
      return BOOL;
    default:
      return value === null ? NULL : value instanceof Uint ? UINT : BYTES;
  }
}
