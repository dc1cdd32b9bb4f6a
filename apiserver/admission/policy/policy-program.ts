/** The expressions of one policy: variables that are computed once, when they are first read (apiserver `pkg/admission/plugin/cel/composition.go`). */
import { ExpressionCompiler } from '../../../api/admissionregistration/v1/expressions.ts';
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type { PolicySpec } from '../../../api/admissionregistration/v1/policy-validation.ts';
import { CelError } from '../../../api/cel/cel.ts';
import { RUNTIME_COST_BUDGET } from '../../../api/cel/limits.ts';
import type { Value } from '../../../api/cel/values.ts';
import { ObjectValue } from '../../../api/cel/values.ts';
import type { CompiledText } from '../expressions/compiled-expression.ts';
import { Budget, evaluable, ExpressionFailure } from '../expressions/compiled-expression.ts';
import { withVariables } from '../expressions/request-activation.ts';
import type { MatchConditions } from '../matching/match-conditions.ts';
import { compileMatchConditions } from '../matching/match-conditions.ts';

export interface PolicyProgram {
  /** Knows the policy's variables. */
  compiler: ExpressionCompiler;
  conditions: MatchConditions | undefined;
  /** `base` with `variables`, and the budget that all expressions of one evaluation share. */
  evaluation(base: Readonly<Record<string, unknown>>): Evaluation;
}

export interface Evaluation {
  activation: Readonly<Record<string, unknown>>;
  budget: Budget;
}

export function policyProgram(spec: PolicySpec): PolicyProgram {
  const compiler = new ExpressionCompiler({ hasParams: Boolean(spec.paramKind) });
  const conditions = listOf(spec.matchConditions);
  const compiled = compileMatchConditions(conditions, compiler, spec.failurePolicy);
  const variables = new Map<string, CompiledText>();
  for (const { name, expression } of listOf(spec.variables))
    variables.set(name, evaluable(expression, compiler.addVariable(name, expression)));
  return {
    compiler,
    conditions: conditions.length === 0 ? undefined : compiled,
    evaluation(base) {
      const budget = new Budget(RUNTIME_COST_BUDGET);
      const activation = withVariables(base, {});
      activation['variables'] = lazyVariables(variables, { compiler, activation, budget });
      return { activation, budget };
    },
  };
}

function lazyVariables(
  variables: ReadonlyMap<string, CompiledText>,
  { compiler, activation, budget }: Evaluation & { compiler: ExpressionCompiler },
): ObjectValue {
  const values = new Map<string, Value>();
  return new ObjectValue(compiler.variablesType, {
    has: (name) => variables.has(name),
    get(name) {
      if (values.has(name)) return values.get(name);
      const variable = variables.get(name);
      if (variable === undefined) return undefined;
      const value = evaluateVariable(name, variable, { activation, budget });
      values.set(name, value);
      return value;
    },
  });
}

function evaluateVariable(name: string, variable: CompiledText, { activation, budget }: Evaluation): Value {
  try {
    return variable.evaluate(activation, budget);
  } catch (error) {
    if (!(error instanceof ExpressionFailure) || error.isOutOfBudget) throw error;
    throw new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${error.message}`);
  }
}
