/**
 * Match conditions: CEL expressions that all must hold before a webhook is called or a policy applies (apiserver
 * `pkg/admission/plugin/webhook/matchconditions/matcher.go`).
 */
import type { ExpressionCompiler } from '../../../api/admissionregistration/v1/expressions.ts';
import type { MatchCondition } from '../../../api/admissionregistration/v1/rule-validation.ts';
import { RUNTIME_COST_BUDGET_MATCH_CONDITIONS } from '../../../api/cel/limits.ts';
import { Budget, compiledExpression, ExpressionFailure } from '../expressions/compiled-expression.ts';

/** False when one of them does not hold. Throws ExpressionFailure when that cannot be said and the policy is to fail. */
export type MatchConditions = (activation: Readonly<Record<string, unknown>>) => boolean;

export function compileMatchConditions(
  conditions: readonly MatchCondition[],
  compiler: ExpressionCompiler,
  failurePolicy: string | undefined,
): MatchConditions {
  const expressions = conditions.map(({ expression }) => compiledExpression(compiler, expression, 'matchCondition'));
  return (activation) => {
    const budget = new Budget(RUNTIME_COST_BUDGET_MATCH_CONDITIONS);
    const failures: string[] = [];
    for (const expression of expressions) {
      try {
        if (expression.evaluate(activation, budget) === false) return false;
      } catch (error) {
        if (!(error instanceof ExpressionFailure)) throw error;
        failures.push(error.message);
        if (error.isOutOfBudget) break;
      }
    }
    if (failures.length === 0) return true;
    if (failurePolicy === 'Ignore') return false;
    throw new ExpressionFailure(failures.length === 1 ? failures[0]! : `[${failures.join(', ')}]`);
  };
}
