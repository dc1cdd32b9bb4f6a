/** Where the expressions of webhooks and policies meet the CEL engine. */
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';

/** What an expression may read, and what it must give. */
export interface ExpressionScope {
  use:
    | 'matchCondition'
    | 'variable'
    | 'validation'
    | 'messageExpression'
    | 'auditAnnotation'
    | 'jsonPatch'
    | 'applyConfiguration';
  /** `params` is there. */
  hasParams: boolean;
  /** Variables of the policy, each of which may read those before it. */
  variables?: readonly { name?: string; expression?: string }[];
}

/** What the engine has against `text`. Never throws. */
export function validateExpression(_text: string, _path: FieldPath, _scope: ExpressionScope): FieldError[] {
  return [];
}
