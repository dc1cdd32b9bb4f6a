/**
 * Names, columns, subresources and selectable fields of a definition (upstream: apiextensions-apiserver
 * `pkg/apis/apiextensions/validation/validation.go`).
 */
import { duplicate, invalid, required, tooMany } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { isDns1035Label } from '../../machinery/validation.ts';
import { findField } from './schema-field-path.ts';
import { isGiven } from './schema-walk.ts';
import { unsupportedField } from './structural-validation.ts';
import type { CustomResourceDefinitionNames, CustomResourceDefinitionVersion, JsonSchemaProps } from './types.ts';

export type Subresources = NonNullable<CustomResourceDefinitionVersion['subresources']>;
export type Columns = NonNullable<CustomResourceDefinitionVersion['additionalPrinterColumns']>;
export type SelectableFields = NonNullable<CustomResourceDefinitionVersion['selectableFields']>;

export const MAX_SELECTABLE_FIELDS = 8;

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

/** What names look like, in `spec` and in `status`. */
export function validateNames(names: Partial<CustomResourceDefinitionNames>, path: FieldPath): FieldError[] {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames = [], categories = [] } = names;
  const errors = [
    ...validateLabel(plural, path.child('plural')),
    ...validateLabel(singular, path.child('singular')),
    ...validateKind(kind, path.child('kind')),
    ...validateKind(listKind, path.child('listKind')),
    ...validateLabels(shortNames, path.child('shortNames')),
  ];
  if (kind !== '' && kind === listKind) {
    errors.push(invalid(path.child('listKind'), listKind, 'kind and listKind may not be the same'));
  }
  return [...errors, ...validateLabels(categories, path.child('categories'))];
}

function validateLabel(name: string, path: FieldPath): FieldError[] {
  return name === '' ? [] : oneError(name, isDns1035Label(name), path);
}

function validateLabels(names: readonly string[], path: FieldPath): FieldError[] {
  return names.flatMap((name, i) => oneError(name, isDns1035Label(name), path.index(i)));
}

function validateKind(kind: string, path: FieldPath): FieldError[] {
  const problems = kind === '' ? [] : isDns1035Label(kind.toLowerCase());
  if (problems.length === 0) return [];
  return [invalid(path, kind, `may have mixed case, but should otherwise match: ${problems.join(',')}`)];
}

/** All problems of a value as one error. */
export function oneError(value: string, problems: readonly string[], path: FieldPath): FieldError[] {
  return problems.length === 0 ? [] : [invalid(path, value, problems.join(','))];
}

export function validateColumns(columns: Columns | undefined, path: FieldPath): FieldError[] {
  return (columns ?? []).flatMap((column, i) => validateColumn(column, path.index(i)));
}

function validateColumn({ name, type, format, jsonPath }: Columns[number], path: FieldPath): FieldError[] {
  const errors = name ? [] : [required(path.child('name'))];
  const typeDetail = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (!type) errors.push(required(path.child('type'), typeDetail));
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(path.child('type'), type, typeDetail));
  if (format && !COLUMN_FORMATS.includes(format)) {
    errors.push(invalid(path.child('format'), format, `must be one of ${COLUMN_FORMATS.join(',')}`));
  }
  // The name that upstream's internal form gives the field.
  const jsonPathPath = path.child('JSONPath');
  return [...errors, ...(jsonPath ? validateSimplePath(jsonPath, jsonPathPath) : [required(jsonPathPath)])];
}

function validateSimplePath(text: string, path: FieldPath): FieldError[] {
  return text.startsWith('.') ? [] : [invalid(path, text, 'must be a simple json path starting with .')];
}

export function validateSubresources(subresources: Subresources | undefined, path: FieldPath): FieldError[] {
  const scale = subresources?.scale;
  if (!isGiven(scale)) return [];
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return [
    ...validateScalePath(specReplicasPath, path.child('scale.specReplicasPath'), ['.spec']),
    ...validateScalePath(statusReplicasPath, path.child('scale.statusReplicasPath'), ['.status']),
    ...(labelSelectorPath
      ? validateScalePath(labelSelectorPath, path.child('scale.labelSelectorPath'), ['.spec', '.status'])
      : []),
  ];
}

function validateScalePath(text: string | undefined, path: FieldPath, parents: readonly string[]): FieldError[] {
  if (!text) return [required(path)];
  const errors = validateSimplePath(text, path);
  if (errors.length > 0 || parents.some((parent) => text.startsWith(`${parent}.`))) return errors;
  const under = parents.length === 1 ? parents[0]! : `either ${parents.join(' or ')}`;
  return [invalid(path, text, `should be a json path under ${under}`)];
}

/** `schema` is that of the version whose objects are selected by the fields. */
export function validateSelectableFields(
  fields: SelectableFields,
  path: FieldPath,
  { schema, allowsTooMany }: { schema: JsonSchemaProps; allowsTooMany: boolean },
): FieldError[] {
  const seen = new Set<string>();
  const isReadable = unsupportedField(schema) === undefined;
  const errors = fields.flatMap(({ jsonPath }, i) =>
    validateSelectableField(jsonPath ?? '', path.index(i).child('jsonPath'), { schema, seen, isReadable }),
  );
  if (seen.size > MAX_SELECTABLE_FIELDS && !allowsTooMany) {
    errors.push(tooMany(path, seen.size, MAX_SELECTABLE_FIELDS));
  }
  return errors;
}

function validateSelectableField(
  text: string,
  path: FieldPath,
  { schema, seen, isReadable }: { schema: JsonSchemaProps; seen: Set<string>; isReadable: boolean },
): FieldError[] {
  if (text === '') return [required(path)];
  if (!isReadable) return [];
  const found = findField(text, schema, { allowsBrackets: false });
  if ('problem' in found) return [invalid(path, text, `is an invalid path: ${found.problem}`)];
  const errors: FieldError[] = [];
  if (found.root === 'metadata') errors.push(invalid(path, text, 'must not point to fields in metadata'));
  if (!['string', 'boolean', 'integer'].includes(found.schema?.type ?? '')) {
    const detail =
      'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
    errors.push(invalid(path, text, detail));
  }
  const canonical = found.path.toString();
  if (seen.has(canonical)) errors.push(duplicate(path, text));
  seen.add(canonical);
  return errors;
}

/** `validateDeprecationWarning`; lengths and positions are those of UTF-8. */
export function validateDeprecationWarning(
  { deprecated, deprecationWarning: text }: CustomResourceDefinitionVersion,
  path: FieldPath,
): FieldError[] {
  if (!isGiven(text)) return [];
  if (deprecated !== true) return [invalid(path, text, 'can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(text) > 256) errors.push(invalid(path, text, 'must be <= 256 characters long'));
  if (text === '') errors.push(invalid(path, text, 'must not be an empty string'));
  // Letters, marks, numbers, punctuation, symbols and the plain space, as Go's unicode.IsPrint has it.
  const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(text);
  if (unprintable !== null) {
    const at = Buffer.byteLength(text.slice(0, unprintable.index));
    const detail = `must only contain printable UTF-8 characters; non-printable character found at index ${at}`;
    errors.push(invalid(path, text, detail));
  }
  return errors;
}
