/**
 * What a definition says of schemas that are not structural: those that were stored before they had to be (upstream:
 * apiextensions-apiserver `pkg/controller/nonstructuralschema`).
 */
import { fieldPath, formatFieldError, invalid } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { DefinitionCondition } from './conditions.ts';
import { isGiven } from './schema-walk.ts';
import { unsupportedField, validateStructural } from './structural-validation.ts';
import type { CustomResourceDefinition } from './types.ts';

/** `undefined`: everything is structural, and the condition has to go. */
export function structuralCondition({ spec }: CustomResourceDefinition): DefinitionCondition | undefined {
  const errors: FieldError[] = [];
  if (spec.preserveUnknownFields === true) {
    errors.push(invalid(fieldPath('spec', 'preserveUnknownFields'), true, 'must be false'));
  }
  for (const [i, { name, schema }] of spec.versions.entries()) {
    const openAPIV3Schema = schema?.openAPIV3Schema;
    if (!isGiven(openAPIV3Schema)) continue;
    const problem = unsupportedField(openAPIV3Schema);
    if (problem !== undefined) {
      const message = `failed to check validation schema for version ${name}: ${problem}`;
      return { type: 'NonStructuralSchema', status: 'Unknown', reason: 'StructuralError', message };
    }
    const path = fieldPath('spec', 'versions').index(i).child('schema', 'openAPIV3Schema');
    for (const error of validateStructural(openAPIV3Schema, path)) errors.push(error);
  }
  if (errors.length === 0) return undefined;
  return { type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message: aggregate(errors) };
}

/** `ErrorList.ToAggregate().Error()`: each text once, several in brackets. */
function aggregate(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(formatFieldError))];
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}
