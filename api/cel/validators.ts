/** Refuses literals that could only fail when evaluated: durations, timestamps, patterns (cel-go, cel/validator.go). */
import type { CallExpr, Expr } from './ast.ts';
import type { CheckedExpr } from './checked.ts';
import { compilePattern } from './pattern.ts';
import type { Problem } from './source.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import { visit } from './visit.ts';

const VALIDATORS: Readonly<Record<string, (text: string) => boolean>> = {
  duration: (text) => parseDuration(text) !== undefined,
  timestamp: (text) => parseTimestamp(text) !== undefined,
  matches: isPattern,
};

export function literalProblems(checked: CheckedExpr): readonly Problem[] {
  const problems: Problem[] = [];
  visit(checked.root, (expr) => {
    const problem = expr.kind === 'call' ? problemOf(expr) : undefined;
    if (problem !== undefined) {
      problems.push(problem);
    }
  });
  return problems;
}

function problemOf(expr: CallExpr): Problem | undefined {
  const validator = Object.hasOwn(VALIDATORS, expr.name) ? VALIDATORS[expr.name] : undefined;
  if (validator === undefined) {
    return undefined;
  }
  const literal: Expr | undefined = expr.args.at(-1);
  if (literal?.kind !== 'literal' || typeof literal.value !== 'string' || validator(literal.value)) {
    return undefined;
  }
  return { at: literal.at, message: `invalid ${expr.name} argument` };
}

function isPattern(text: string): boolean {
  try {
    compilePattern(text);
    return true;
  } catch {
    return false;
  }
}
