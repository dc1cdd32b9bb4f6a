/** The macros of the language: `has`, and folds with one variable (cel-go, parser/macro.go). */
import { ACCUMULATOR, type Expr } from './ast.ts';
import type { ExprBuilder, Fold, Macro, MacroCall } from './declarations.ts';

export const STANDARD_MACROS: readonly Macro[] = [
  { name: 'has', member: false, argCount: 1, expand: expandHas },
  quantifier('all', 2, allFold),
  quantifier('exists', 2, existsFold),
  quantifier('exists_one', 2, existsOneFold),
  quantifier('existsOne', 2, existsOneFold),
  { name: 'map', member: true, argCount: 2, expand: expandMap },
  { name: 'map', member: true, argCount: 3, expand: expandMap },
  { name: 'filter', member: true, argCount: 2, expand: expandFilter },
];

/** What a fold does for each item, given the item's condition. */
export type FoldBody = (build: ExprBuilder, predicate: Expr) => Pick<Fold, 'init' | 'condition' | 'step' | 'result'>;

/** A macro whose last argument is a condition on the variables before it. */
export function quantifier(name: string, argCount: 2 | 3, body: FoldBody): Macro {
  return {
    name,
    member: true,
    argCount,
    expand(call) {
      const variables = variablesOf(call, argCount - 1);
      const predicate = call.args.at(-1);
      if (variables === undefined || predicate === undefined) {
        return undefined;
      }
      return foldOver(call, variables, body(call.build, predicate));
    },
  };
}

export function foldOver(
  call: MacroCall,
  variables: readonly string[],
  body: Pick<Fold, 'init' | 'condition' | 'step' | 'result'>,
): Expr {
  const [variable = '', variable2] = variables;
  const range = call.target as Expr;
  return call.build.fold({ range, variable, variable2, accumulator: ACCUMULATOR, ...body });
}

const NO_NAME = 'argument must be a simple name';
const NO_IDENTIFIER = 'argument is not an identifier';

/** The first arguments as names; fails on anything else. */
export function variablesOf(call: MacroCall, count: number, refusal = NO_NAME): readonly string[] | undefined {
  const names: string[] = [];
  for (const arg of call.args.slice(0, count)) {
    if (arg.kind !== 'ident' || arg.name.startsWith('.')) {
      return call.fail(arg, refusal);
    }
    if (arg.name === '__result__') {
      return call.fail(arg, 'iteration variable overwrites accumulator variable');
    }
    if (names.includes(arg.name)) {
      return call.fail(arg, `duplicate variable name: ${arg.name}`);
    }
    names.push(arg.name);
  }
  return names;
}

export function allFold(build: ExprBuilder, predicate: Expr): ReturnType<FoldBody> {
  return {
    init: build.literal(true),
    condition: build.call('@not_strictly_false', build.ident(ACCUMULATOR)),
    step: build.call('_&&_', build.ident(ACCUMULATOR), predicate),
    result: build.ident(ACCUMULATOR),
  };
}

export function existsFold(build: ExprBuilder, predicate: Expr): ReturnType<FoldBody> {
  return {
    init: build.literal(false),
    condition: build.call('@not_strictly_false', build.call('!_', build.ident(ACCUMULATOR))),
    step: build.call('_||_', build.ident(ACCUMULATOR), predicate),
    result: build.ident(ACCUMULATOR),
  };
}

export function existsOneFold(build: ExprBuilder, predicate: Expr): ReturnType<FoldBody> {
  const next = build.call('_+_', build.ident(ACCUMULATOR), build.literal(1n));
  return {
    init: build.literal(0n),
    condition: build.literal(true),
    step: build.call('_?_:_', predicate, next, build.ident(ACCUMULATOR)),
    result: build.call('_==_', build.ident(ACCUMULATOR), build.literal(1n)),
  };
}

/** A list of what `item` is for each element, those for which `predicate` holds. */
export function listFold(build: ExprBuilder, item: Expr, predicate: Expr | undefined): ReturnType<FoldBody> {
  const append = build.call('_+_', build.ident(ACCUMULATOR), build.list(item));
  return {
    init: build.list(),
    condition: build.literal(true),
    step: predicate === undefined ? append : build.call('_?_:_', predicate, append, build.ident(ACCUMULATOR)),
    result: build.ident(ACCUMULATOR),
  };
}

function expandHas(call: MacroCall): Expr | undefined {
  const [arg] = call.args;
  if (arg?.kind !== 'select' || arg.test) {
    return call.fail(arg, 'invalid argument to has() macro');
  }
  return call.build.test(arg.operand, arg.field);
}

function expandMap(call: MacroCall): Expr | undefined {
  const variables = variablesOf(call, 1, NO_IDENTIFIER);
  const item = call.args.at(-1) as Expr;
  const predicate = call.args.length === 3 ? call.args[1] : undefined;
  return variables && foldOver(call, variables, listFold(call.build, item, predicate));
}

function expandFilter(call: MacroCall): Expr | undefined {
  const variables = variablesOf(call, 1, NO_IDENTIFIER);
  const item = call.args[0] as Expr;
  return variables && foldOver(call, variables, listFold(call.build, item, call.args[1]));
}
