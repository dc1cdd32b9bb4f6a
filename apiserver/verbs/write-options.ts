/** What the options of writes may be (apimachinery `meta/v1/validation`). */
import * as errors from '../../api/machinery/errors.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import { fieldPath, forbidden, invalid, notSupported, required, tooLong } from '../../api/machinery/field-error.ts';
import type { RequestContext } from '../request-context.ts';

const MAX_FIELD_MANAGER = 128;
const FIELD_MANAGER = fieldPath('fieldManager');
const FIELD_VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'];
const OPTIONS_KINDS: Readonly<Record<string, string>> = {
  POST: 'CreateOptions',
  PUT: 'UpdateOptions',
  PATCH: 'PatchOptions',
  DELETE: 'DeleteOptions',
};

/** The options of POST and PUT. Throws Invalid. */
export function checkWriteOptions(context: RequestContext): void {
  refuseOptions(context, validateOptions(context));
}

/** The options of PATCH. Throws Invalid. */
export function checkPatchOptions(context: RequestContext, isApply: boolean): void {
  const { query } = context.request;
  const fieldManager = query.get('fieldManager') ?? '';
  const problems: FieldError[] = [];
  if (isApply && fieldManager === '') problems.push(required(FIELD_MANAGER, 'is required for apply patch'));
  if (!isApply && query.get('force') !== null)
    problems.push(forbidden(fieldPath('force'), 'may not be specified for non-apply patch'));
  refuseOptions(context, [...problems, ...validateOptions(context)]);
}

function validateOptions({ request: { query } }: RequestContext): FieldError[] {
  const fieldValidation = query.get('fieldValidation') ?? '';
  return [
    ...validateFieldManager(query.get('fieldManager') ?? ''),
    ...validateDryRun(query.getAll('dryRun')),
    ...(FIELD_VALIDATIONS.includes(fieldValidation)
      ? []
      : [notSupported(fieldPath('fieldValidation'), fieldValidation, FIELD_VALIDATIONS)]),
  ];
}

/** Whether nothing is to be kept, by the directives of the query and of a deletion's body. Throws Invalid for others. */
export function isDryRun(context: RequestContext, directives: readonly string[]): boolean {
  const named = [...context.request.query.getAll('dryRun'), ...directives].filter((directive) => directive !== '');
  refuseOptions(context, validateDryRun(named));
  return named.length > 0;
}

function validateDryRun(directives: readonly string[]): FieldError[] {
  const isKnown = directives.every((directive) => directive === 'All' || directive === '');
  return isKnown ? [] : [notSupported(fieldPath('dryRun'), directives, ['All'])];
}

function refuseOptions({ request: { method } }: RequestContext, problems: readonly FieldError[]): void {
  if (problems.length === 0) return;
  throw errors.invalidObject({ group: 'meta.k8s.io', kind: OPTIONS_KINDS[method] ?? 'CreateOptions' }, '', problems);
}

function validateFieldManager(name: string): FieldError[] {
  const problems: FieldError[] = [];
  if (Buffer.byteLength(name) > MAX_FIELD_MANAGER) problems.push(tooLong(FIELD_MANAGER, MAX_FIELD_MANAGER));
  let position = 0;
  for (const character of name) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) {
      const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
      problems.push(invalid(FIELD_MANAGER, name, `invalid character ${code} (at position ${position})`));
      break;
    }
    position += Buffer.byteLength(character);
  }
  return problems;
}

/** `force` as Go reads a flag: everything but `false` and `0`. */
export function isForced({ request }: RequestContext): boolean {
  const value = request.query.get('force');
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}
