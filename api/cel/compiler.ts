/** What the parts of the compiler ask of the whole: compile.ts implements it. */
import type { Expr } from './ast.ts';
import type { CheckedExpr } from './checked.ts';
import type { Step } from './frame.ts';
import type { CallCosts } from './runtime-cost.ts';
import type { Value } from './values.ts';

/** A name that a fold binds, where its value stands in the frame. */
export interface Local {
  readonly name: string;
  readonly slot: number;
  /** Makes the value when it is first read: `cel.bind` is lazy. */
  readonly lazy?: Step;
  /** A growing list or map that only its fold's own steps append to. */
  readonly growing?: boolean;
}

export interface Compiler {
  readonly checked: CheckedExpr;
  readonly costs: CallCosts;
  compile(expr: Expr): Step;
  /** The value that the node always has; undefined: that is known only when it is evaluated. */
  constant(expr: Expr): Value | undefined;
  /** What the name is bound to by an enclosing fold. */
  local(name: string): Local | undefined;
  /** Compiles with these names bound. */
  within<T>(locals: readonly Omit<Local, 'slot'>[], compile: (slots: number[]) => T): T;
  optionalSelect(operand: Step, field: string): Step;
}
