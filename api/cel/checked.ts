/** What checking finds out about a tree, by the ids of its nodes. */
import type { Expr } from './ast.ts';
import type { DeclaredName } from './declared.ts';
import type { Overload } from './declarations.ts';
import { type CelType, DYN } from './types.ts';

export interface CheckedExpr {
  readonly root: Expr;
  /** Without parameters. */
  readonly types: ReadonlyMap<number, CelType>;
  /** What names mean that no fold binds; a chain of selections may be one name. */
  readonly names: ReadonlyMap<number, DeclaredName>;
  readonly calls: ReadonlyMap<number, CheckedCall>;
}

export interface CheckedCall {
  /** The function's whole name. */
  readonly name: string;
  /** Overloads that fit, by the types known before evaluation. */
  readonly overloads: readonly Overload[];
  /** The target is a part of the function's name: `optional.of(x)`. */
  readonly qualified: boolean;
}

export function checkedType(checked: CheckedExpr, expr: Expr): CelType {
  return checked.types.get(expr.id) ?? DYN;
}

/** `a.b.c` for a chain of selections from an identifier. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') {
    return expr.name;
  }
  if (expr.kind !== 'select' || expr.test) {
    return undefined;
  }
  const prefix = qualifiedName(expr.operand);
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`;
}
