/** What a library brings to an environment: functions with their overloads, macros, constants. */
import type { Expr } from './ast.ts';
import type { CelType } from './types.ts';
import type { Value } from './values.ts';

export interface Library {
  readonly name: string;
  readonly functions?: readonly FunctionDeclaration[];
  readonly macros?: readonly Macro[];
  readonly constants?: readonly ConstantDeclaration[];
}

export interface FunctionDeclaration {
  readonly name: string;
  readonly overloads: readonly Overload[];
}

export interface Overload {
  /** As cel-go names it: the cost tables go by it. */
  readonly id: string;
  /** Called as `args[0].name(args[1], …)`. */
  readonly member: boolean;
  readonly args: readonly CelType[];
  readonly result: CelType;
  /** Gets values that match `args`; throws CelError. */
  readonly call: (...args: Value[]) => Value;
}

export interface ConstantDeclaration {
  readonly name: string;
  readonly type: CelType;
  readonly value: Value;
}

/** Rewrites a call while parsing. */
export interface Macro {
  readonly name: string;
  readonly member: boolean;
  /** Absent: any number. */
  readonly argCount?: number;
  /** Undefined: this call is no macro after all. */
  expand(call: MacroCall): Expr | undefined;
}

export interface MacroCall {
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
  readonly build: ExprBuilder;
  /** Refuses the call, with a message at `at`. */
  fail(at: Expr | undefined, message: string): undefined;
}

/** Makes nodes at the place of the macro's call. */
export interface ExprBuilder {
  literal(value: Value): Expr;
  ident(name: string): Expr;
  call(name: string, ...args: Expr[]): Expr;
  memberCall(name: string, target: Expr, ...args: Expr[]): Expr;
  list(...elements: Expr[]): Expr;
  map(...entries: { readonly key: Expr; readonly value: Expr }[]): Expr;
  select(operand: Expr, field: string): Expr;
  test(operand: Expr, field: string): Expr;
  fold(fold: Fold): Expr;
}

export interface Fold {
  readonly range: Expr;
  readonly variable: string;
  readonly variable2?: string | undefined;
  readonly accumulator: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** A function called as `name(args)`. */
export function globalOverload(
  id: string,
  args: readonly CelType[],
  result: CelType,
  call: (...args: never[]) => Value,
): Overload {
  return { id, member: false, args, result, call: call as (...args: Value[]) => Value };
}

/** A function called as `args[0].name(args[1], …)`. */
export function memberOverload(
  id: string,
  args: readonly CelType[],
  result: CelType,
  call: (...args: never[]) => Value,
): Overload {
  return { id, member: true, args, result, call: call as (...args: Value[]) => Value };
}
