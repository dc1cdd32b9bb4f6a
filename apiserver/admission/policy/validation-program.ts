/** The validations and audit annotations of one policy (apiserver `pkg/admission/plugin/policy/validating/validator.go`). */
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type {
  ValidatingAdmissionPolicy,
  Validation,
} from '../../../api/admissionregistration/v1/validating-admission-policy.ts';
import { MAX_MESSAGE_EXPRESSION_BYTES } from '../../../api/cel/limits.ts';
import type { CompiledText } from '../expressions/compiled-expression.ts';
import { compiledExpression, ExpressionFailure } from '../expressions/compiled-expression.ts';
import type { Evaluation, PolicyProgram } from './policy-program.ts';

export interface ValidationProgram {
  validations: readonly { validation: Validation; expression: CompiledText; message: CompiledText | undefined }[];
  annotations: readonly { key: string; text: string; expression: CompiledText }[];
}

/** A validation that does not hold, or cannot be evaluated. */
export interface Violation {
  index: number;
  message: string;
  reason?: string;
}

export interface Outcome {
  violations: Violation[];
  annotations: { key: string; value: string }[];
}

const MAX_ANNOTATION_LENGTH = 10 * 1024;

export function validationProgram({ spec }: ValidatingAdmissionPolicy, { compiler }: PolicyProgram): ValidationProgram {
  return {
    validations: listOf(spec.validations).map((validation) => {
      const { expression, messageExpression = '' } = validation;
      const hasMessage = messageExpression.trim() !== '';
      return {
        validation,
        expression: compiledExpression(compiler, expression, 'validation'),
        message: hasMessage ? compiledExpression(compiler, messageExpression, 'messageExpression') : undefined,
      };
    }),
    annotations: listOf(spec.auditAnnotations).map(({ key, valueExpression }) => ({
      key,
      text: valueExpression,
      expression: compiledExpression(compiler, valueExpression, 'auditAnnotation'),
    })),
  };
}

interface Evaluable {
  policy: ValidatingAdmissionPolicy;
  program: PolicyProgram;
  expressions: ValidationProgram;
}

/** Nothing where the policy's conditions do not hold. */
export function evaluateValidations(
  { policy, program, expressions }: Evaluable,
  base: Readonly<Record<string, unknown>>,
): Outcome {
  const isIgnoring = policy.spec.failurePolicy === 'Ignore';
  const outcome: Outcome = { violations: [], annotations: [] };
  const fail = (index: number, error: ExpressionFailure): void => {
    if (!isIgnoring) outcome.violations.push({ index, message: error.message });
  };
  try {
    if (program.conditions?.(base) === false) return outcome;
  } catch (error) {
    fail(0, expected(error));
    return outcome;
  }
  const evaluation = program.evaluation(base);
  for (const [index, one] of expressions.validations.entries()) {
    try {
      if (one.expression.evaluate(evaluation.activation, evaluation.budget) === true) continue;
      const { reason } = one.validation;
      outcome.violations.push({ index, message: messageOf(one, evaluation), ...(reason ? { reason } : {}) });
    } catch (error) {
      const failure = expected(error);
      fail(index, failure);
      if (failure.isOutOfBudget) return outcome;
    }
  }
  annotate(policy.metadata.name ?? '', expressions, { evaluation, outcome, fail });
  return outcome;
}

function annotate(
  policyName: string,
  { annotations }: ValidationProgram,
  {
    evaluation,
    outcome,
    fail,
  }: {
    evaluation: Evaluation;
    outcome: Outcome;
    fail(index: number, error: ExpressionFailure): void;
  },
): void {
  for (const [index, { key, expression }] of annotations.entries()) {
    try {
      const value = expression.evaluate(evaluation.activation, evaluation.budget);
      const text = typeof value === 'string' ? value.trim() : '';
      if (text !== '')
        outcome.annotations.push({ key: `${policyName}/${key}`, value: text.slice(0, MAX_ANNOTATION_LENGTH) });
    } catch (error) {
      fail(index, expected(error));
    }
  }
}

function expected(error: unknown): ExpressionFailure {
  if (error instanceof ExpressionFailure) return error;
  throw error;
}

/** The message expression's, unless it fails or gives none; then the message; then the expression itself. */
function messageOf(
  { validation, message }: ValidationProgram['validations'][number],
  { activation, budget }: Evaluation,
): string {
  const computed = message === undefined ? '' : computedMessage(message, { activation, budget });
  if (computed !== '') return computed;
  const fixed = (validation.message ?? '').trim();
  return fixed === '' ? `failed expression: ${validation.expression.trim()}` : fixed;
}

function computedMessage(message: CompiledText, { activation, budget }: Evaluation): string {
  try {
    const value = message.evaluate(activation, budget);
    const text = typeof value === 'string' ? value.trim() : '';
    return /[\r\n]/.test(text) || Buffer.byteLength(text) > MAX_MESSAGE_EXPRESSION_BYTES ? '' : text;
  } catch (error) {
    expected(error);
    return '';
  }
}
