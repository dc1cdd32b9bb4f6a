/** Makes the nodes of a tree: numbers them, and refuses trees that are too deep. */
import type { Expr, MapEntry, StructField } from './ast.ts';
import type { ExprBuilder, Fold } from './declarations.ts';
import { MAX_EXPRESSION_DEPTH } from './limits.ts';
import { NOWHERE, SyntaxProblem } from './source.ts';
import type { Value } from './values.ts';

export class NodeFactory {
  #lastId = 0;
  /** Depth in the text: nodes that a macro adds do not count. */
  readonly #depths = new Map<number, number>();

  nextId(): number {
    return ++this.#lastId;
  }

  literal(at: number, value: Value): Expr {
    return { kind: 'literal', id: this.nextId(), at, value };
  }

  ident(at: number, name: string): Expr {
    return { kind: 'ident', id: this.nextId(), at, name };
  }

  select(at: number, operand: Expr, field: { field: string; test: boolean }): Expr {
    return this.#deeper({ kind: 'select', id: this.nextId(), at, operand, ...field }, [operand]);
  }

  // Four parameters: the commonest node, and its parts have no better grouping.
  call(at: number, name: string, args: readonly Expr[], target?: Expr): Expr {
    const children = target === undefined ? args : [target, ...args];
    return this.#deeper({ kind: 'call', id: this.nextId(), at, name, args, target }, children);
  }

  list(at: number, elements: readonly Expr[], optional: ReadonlySet<number>): Expr {
    return this.#deeper({ kind: 'list', id: this.nextId(), at, elements, optional }, elements);
  }

  map(at: number, entries: readonly MapEntry[]): Expr {
    const children = entries.flatMap((entry) => [entry.key, entry.value]);
    return this.#deeper({ kind: 'map', id: this.nextId(), at, entries }, children);
  }

  struct(at: number, name: string, fields: readonly StructField[]): Expr {
    const children = fields.map((field) => field.value);
    return this.#deeper({ kind: 'struct', id: this.nextId(), at, name, fields }, children);
  }

  /** For macros: nodes at the place of the call. */
  builder(at: number): ExprBuilder {
    const added = (expr: Expr, children: readonly Expr[]): Expr => {
      this.#depths.set(expr.id, this.#deepest(children));
      return expr;
    };
    const call = (name: string, args: readonly Expr[], target?: Expr): Expr => {
      const children = target === undefined ? args : [target, ...args];
      return added({ kind: 'call', id: this.nextId(), at, name, args, target }, children);
    };
    const select = (operand: Expr, field: string, test: boolean): Expr =>
      added({ kind: 'select', id: this.nextId(), at, operand, field, test }, [operand]);
    return {
      literal: (value) => this.literal(at, value),
      ident: (name) => this.ident(at, name),
      call: (name, ...args) => call(name, args),
      memberCall: (name, target, ...args) => call(name, args, target),
      list: (...elements) => added({ kind: 'list', id: this.nextId(), at, elements, optional: new Set() }, elements),
      map: (...pairs) => {
        const entries = pairs.map((pair) => ({ id: this.nextId(), ...pair, optional: false }));
        const children = pairs.flatMap((pair) => [pair.key, pair.value]);
        return added({ kind: 'map', id: this.nextId(), at, entries }, children);
      },
      select: (operand, field) => select(operand, field, false),
      test: (operand, field) => select(operand, field, true),
      fold: (fold: Fold) => {
        const children = [fold.range, fold.init, fold.condition, fold.step, fold.result];
        return this.#deeper({ kind: 'comprehension', id: this.nextId(), at, ...fold }, children);
      },
    };
  }

  #deepest(children: readonly Expr[]): number {
    return children.reduce((deepest, child) => Math.max(deepest, this.#depths.get(child.id) ?? 0), 0);
  }

  #deeper(expr: Expr, children: readonly Expr[]): Expr {
    const depth = this.#deepest(children) + 1;
    if (depth > MAX_EXPRESSION_DEPTH) {
      throw new SyntaxProblem(NOWHERE, 'max recursion depth exceeded');
    }
    this.#depths.set(expr.id, depth);
    return expr;
  }
}
