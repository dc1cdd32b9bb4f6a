/** One compiled expression, and what evaluating it may cost (apiserver `pkg/admission/plugin/cel/condition.go`). */
import type { ExpressionCompiler, ExpressionUse } from '../../../api/admissionregistration/v1/expressions.ts';
import type { Activation, Evaluated } from '../../../api/cel/cel.ts';
import { CelError, CostLimitExceeded } from '../../../api/cel/cel.ts';
import { PER_CALL_LIMIT } from '../../../api/cel/limits.ts';
import type { Value } from '../../../api/cel/values.ts';

const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** The expression gave no value; the failure policy decides. */
export class ExpressionFailure extends Error {
  override readonly name = 'ExpressionFailure';
  readonly isOutOfBudget: boolean;

  constructor(message: string, isOutOfBudget = false) {
    super(message);
    this.isOutOfBudget = isOutOfBudget;
  }
}

/** What the expressions of one policy may still spend on one request. */
export class Budget {
  #left: number;

  constructor(units: number) {
    this.#left = units;
  }

  /** Throws ExpressionFailure once everything is spent. */
  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new ExpressionFailure(OUT_OF_BUDGET, true);
  }

  get callLimit(): number {
    return Math.min(PER_CALL_LIMIT, Math.max(0, this.#left));
  }

  /** True when a call that ran into `callLimit` ran into the end of the budget. */
  get isTighterThanCall(): boolean {
    return this.#left < PER_CALL_LIMIT;
  }
}

export interface CompiledText {
  /** Throws ExpressionFailure. */
  evaluate(activation: Activation, budget: Budget): Value;
}

/** An expression that does not compile fails when it is evaluated: it was stored by a server with other rules. */
export function compiledExpression(compiler: ExpressionCompiler, text: string, use: ExpressionUse): CompiledText {
  return evaluable(text, use === 'variable' ? { problem: 'no variable' } : compiler.compile(text.trim(), use));
}

export function evaluable(text: string, { program, problem }: ReturnType<ExpressionCompiler['compile']>): CompiledText {
  return {
    evaluate(activation, budget) {
      if (program === undefined) throw new ExpressionFailure(problem!);
      let evaluated: Evaluated;
      try {
        evaluated = program.evaluate(activation, { costLimit: budget.callLimit });
      } catch (error) {
        throw failureOf(error, text, budget);
      }
      budget.spend(evaluated.cost);
      return evaluated.value;
    },
  };
}

function failureOf(error: unknown, text: string, budget: Budget): unknown {
  if (error instanceof ExpressionFailure || !(error instanceof CelError)) return error;
  if (error instanceof CostLimitExceeded && budget.isTighterThanCall) return new ExpressionFailure(OUT_OF_BUDGET, true);
  budget.spend(error.cost);
  return new ExpressionFailure(`expression '${text}' resulted in error: ${error.message}`);
}
