/**
 * The form of `x-kubernetes-validations`; what their expressions say is checked by whoever compiles them (upstream:
 * apiextensions-apiserver `pkg/apis/apiextensions/validation/validation.go`).
 */
import { invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { findField } from './schema-field-path.ts';
import { isGiven } from './schema-walk.ts';
import type { JsonSchemaProps, ValidationRule } from './types.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const NEWLINE = /[\n\r]/;

export function validateRules(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length === 0) return [];
  const rulesPath = path.child('x-kubernetes-validations');
  return rules.flatMap((rule, i) => [
    ...validateTexts(rule, rulesPath.index(i)),
    ...validateReason(rule, rulesPath.index(i)),
    ...validateFieldPath(rule, rulesPath.index(i), schema),
  ]);
}

function validateTexts(
  { rule = '', message = '', messageExpression = '' }: ValidationRule,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  const text = message.trim();
  const messagePath = path.child('message');
  if (rule.trim() === '') errors.push(required(path.child('rule'), 'rule is not specified'));
  else if (message !== '' && text === '') errors.push(invalid(messagePath, message, 'must be non-empty if specified'));
  else if (NEWLINE.test(text)) errors.push(invalid(messagePath, message, 'must not contain line breaks'));
  else if (text === '' && NEWLINE.test(rule.trim())) {
    errors.push(required(messagePath, 'message must be specified if rule contains line breaks'));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(required(path.child('messageExpression'), 'messageExpression must be non-empty if specified'));
  }
  return errors;
}

function validateReason({ reason }: ValidationRule, path: FieldPath): FieldError[] {
  if (!isGiven(reason) || REASONS.includes(reason)) return [];
  return [notSupported(path.child('reason'), reason, REASONS)];
}

function validateFieldPath(
  { fieldPath: text = '' }: ValidationRule,
  path: FieldPath,
  schema: JsonSchemaProps,
): FieldError[] {
  if (text === '') return [];
  const errors: FieldError[] = [];
  const textPath = path.child('fieldPath');
  if (text.trim() === '') errors.push(invalid(textPath, text, 'must be non-empty if specified'));
  if (NEWLINE.test(text)) errors.push(invalid(textPath, text, 'must not contain line breaks'));
  if ('problem' in findField(text, schema, { allowsBrackets: true })) {
    errors.push(invalid(textPath, text, 'must be a valid path'));
  }
  return errors;
}
