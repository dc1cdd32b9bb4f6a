/** Folds made executable: loops with an accumulator, and `cel.bind`, which is a fold over nothing. */
import { keysOf } from './access.ts';
import { ACCUMULATOR, type ComprehensionExpr, type Expr } from './ast.ts';
import { CelError } from './cel.ts';
import type { Compiler } from './compiler.ts';
import { type Frame, isAbsorbable, type Step } from './frame.ts';
import { LiteralMap, ListValue, MapValue, ObjectValue, type Value } from './values.ts';

export function compileFold(compiler: Compiler, expr: ComprehensionExpr): Step {
  return isBind(expr) ? compileBind(compiler, expr) : compileLoop(compiler, expr);
}

function isLiteral(expr: Expr, value: Value): boolean {
  return expr.kind === 'literal' && expr.value === value;
}

/** Whether the fold only names a value. */
export function isBind(expr: ComprehensionExpr): boolean {
  const overNothing = expr.range.kind === 'list' && expr.range.elements.length === 0;
  return overNothing && isLiteral(expr.condition, false) && expr.accumulator !== ACCUMULATOR;
}

function compileBind(compiler: Compiler, expr: ComprehensionExpr): Step {
  const lazy = compiler.compile(expr.init);
  return compiler.within([{ name: expr.accumulator, lazy }], ([slot]) => {
    const result = compiler.compile(expr.result);
    return (frame) => {
      frame.spend(BIND_COST);
      frame.locals[slot as number] = undefined;
      return result(frame);
    };
  });
}

/** The empty list that it folds over. */
const BIND_COST = 10;

interface Loop {
  readonly variables: readonly number[];
  readonly accumulator: number;
  readonly init: Step;
  readonly condition: Step;
  readonly step: Step;
  readonly result: Step;
  /** No condition ends it early, so the first error ends it. */
  readonly strict: boolean;
}

function compileLoop(compiler: Compiler, expr: ComprehensionExpr): Step {
  const range = compiler.compile(expr.range);
  const growing = expr.accumulator === ACCUMULATOR && (expr.init.kind === 'list' || expr.init.kind === 'map');
  const init = growing ? startEmpty(expr.init) : compiler.compile(expr.init);
  const names = expr.variable2 === undefined ? [expr.variable] : [expr.variable, expr.variable2];
  // Variables first: an accumulator of that name would hide them, but no expression can spell it.
  const locals = [...names.map((name) => ({ name })), { name: expr.accumulator, growing }];
  return compiler.within(locals, (slots) => {
    const loop: Loop = {
      variables: slots.slice(0, -1),
      accumulator: slots.at(-1) as number,
      init,
      condition: compiler.compile(expr.condition),
      step: compiler.compile(expr.step),
      result: compiler.compile(expr.result),
      strict: isLiteral(expr.condition, true),
    };
    return (frame) => run(frame, loop, range(frame));
  });
}

const LIST_COST = 10;
const MAP_COST = 30;

function startEmpty(init: Expr): Step {
  if (init.kind === 'map') {
    return (frame) => {
      frame.spend(MAP_COST);
      return new MapValue(new LiteralMap());
    };
  }
  return (frame) => {
    frame.spend(LIST_COST);
    return new ListValue([]);
  };
}

function run(frame: Frame, loop: Loop, range: Value): Value {
  frame.locals[loop.accumulator] = loop.init(frame);
  if (range instanceof ListValue) {
    runList(frame, loop, range);
  } else if (range instanceof MapValue || range instanceof ObjectValue) {
    runMap(frame, loop, range);
  } else {
    throw new CelError('no such overload');
  }
  return loop.result(frame);
}

function runList(frame: Frame, loop: Loop, list: ListValue): void {
  const [first, second] = loop.variables as [number, number | undefined];
  for (let index = 0; index < list.length; index++) {
    if (second === undefined) {
      frame.locals[first] = list.at(index);
    } else {
      frame.locals[first] = BigInt(index);
      frame.locals[second] = list.at(index);
    }
    if (!runStep(frame, loop)) {
      return;
    }
  }
}

function runMap(frame: Frame, loop: Loop, map: MapValue | ObjectValue): void {
  const [first, second] = loop.variables as [number, number | undefined];
  for (const key of keysOf(map)) {
    frame.locals[first] = key;
    if (second !== undefined) {
      frame.locals[second] = map instanceof MapValue ? map.source.get(key) : map.source.get(key as string);
    }
    if (!runStep(frame, loop)) {
      return;
    }
  }
}

/** False: the condition ended the loop. */
function runStep(frame: Frame, loop: Loop): boolean {
  frame.step();
  if (loop.condition(frame) === false) {
    return false;
  }
  if (loop.strict) {
    frame.locals[loop.accumulator] = loop.step(frame);
    return true;
  }
  try {
    frame.locals[loop.accumulator] = loop.step(frame);
  } catch (error) {
    if (!isAbsorbable(error)) {
      throw error;
    }
    frame.locals[loop.accumulator] = error;
  }
  return true;
}
