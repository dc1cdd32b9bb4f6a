/** The options of PATCH that depend on the kind of patch (apimachinery `meta/v1/validation` ValidatePatchOptions). */
import * as errors from '../../api/machinery/errors.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import { fieldPath, forbidden, invalid, required, tooLong } from '../../api/machinery/field-error.ts';
import type { RequestContext } from '../request-context.ts';

const MAX_FIELD_MANAGER = 128;
const FIELD_MANAGER = fieldPath('fieldManager');

/** Throws Invalid. */
export function checkPatchOptions(context: RequestContext, isApply: boolean): void {
  const { query } = context.request;
  const fieldManager = query.get('fieldManager') ?? '';
  const problems: FieldError[] = [];
  if (isApply && fieldManager === '') problems.push(required(FIELD_MANAGER, 'is required for apply patch'));
  if (!isApply && query.get('force') !== null)
    problems.push(forbidden(fieldPath('force'), 'may not be specified for non-apply patch'));
  problems.push(...validateFieldManager(fieldManager));
  if (problems.length > 0) throw errors.invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', problems);
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
