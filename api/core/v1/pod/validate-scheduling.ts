/**
 * Validation of tolerations, gates and claims (`pkg/apis/core/validation/validation.go ValidateTolerations` and
 * others).
 */
import { duplicate, forbidden, invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  invalidEach,
  isDns1123Label,
  isQualifiedName,
  isValidLabelValue,
  validateDnsSubdomainName,
} from '../../../machinery/validation.ts';
import { validateEnum } from './enums.ts';
import type { PodSpec, Toleration } from './types.ts';

const ANY_KEY_MESSAGE = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';

export function validateTolerations(tolerations: readonly Toleration[] | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, toleration] of (tolerations ?? []).entries()) {
    const { key = '', operator = '', effect = '', tolerationSeconds } = toleration;
    const tolerationPath = path.index(i);
    if (key !== '') errors.push(...invalidEach(tolerationPath.child('key'), key, isQualifiedName(key)));
    else if (operator !== 'Exists') errors.push(invalid(tolerationPath.child('operator'), operator, ANY_KEY_MESSAGE));
    if (tolerationSeconds != null && effect !== 'NoExecute') {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      errors.push(invalid(tolerationPath.child('effect'), effect, detail));
    }
    errors.push(...validateTolerationValue(toleration, tolerationPath.child('operator')));
    if (effect !== '') errors.push(...validateEnum('taintEffect', effect, tolerationPath.child('effect')));
  }
  return errors;
}

/** Upstream reports the value at the operator. */
function validateTolerationValue(toleration: Toleration, path: FieldPath): FieldError[] {
  const { operator = '', value = '' } = toleration;
  if (operator === '' || operator === 'Equal') {
    const problems = isValidLabelValue(value);
    return problems.length > 0 ? [invalid(path, value, problems.join(';'))] : [];
  }
  if (operator !== 'Exists') return [notSupported(path, operator, ['Equal', 'Exists'])];
  return value === '' ? [] : [invalid(path, toleration, "value must be empty when `operator` is 'Exists'")];
}

/** Tolerations of a running pod may be added, and their seconds changed (`validateOnlyAddedTolerations`). */
export function validateTolerationsUpdate(next: PodSpec, previous: PodSpec, path: FieldPath): FieldError[] {
  const present = new Set((next.tolerations ?? []).map(withoutSeconds));
  if (!(previous.tolerations ?? []).every((old) => present.has(withoutSeconds(old))))
    return [forbidden(path, 'existing toleration can not be modified except its tolerationSeconds')];
  return validateTolerations(next.tolerations, path);
}

function withoutSeconds({ key = '', operator = '', value = '', effect = '' }: Toleration): string {
  return JSON.stringify([key, operator, value, effect]);
}

export function validateSchedulingGates(spec: PodSpec, path: FieldPath): FieldError[] {
  const seen = new Set<string>();
  return (spec.schedulingGates ?? []).flatMap(({ name = '' }, i) => {
    const errors = invalidEach(path.index(i), name, isQualifiedName(name));
    if (seen.has(name)) errors.push(duplicate(path.index(i), name));
    seen.add(name);
    return errors;
  });
}

/** Gates may only go (`validateOnlyDeletedSchedulingGates`). */
export function validateSchedulingGatesUpdate(next: PodSpec, previous: PodSpec, path: FieldPath): FieldError[] {
  const known = new Set((previous.schedulingGates ?? []).map(({ name }) => name));
  return (next.schedulingGates ?? []).flatMap(({ name }, i) => {
    if (known.has(name)) return [];
    const detail = `only deletion is allowed, but found new scheduling gate '${name}'`;
    return [forbidden(path.index(i).child('name'), detail)];
  });
}

type ResourceClaim = NonNullable<PodSpec['resourceClaims']>[number];

export function validateResourceClaims(spec: PodSpec, path: FieldPath): FieldError[] {
  const seen = new Set<string>();
  return (spec.resourceClaims ?? []).flatMap((claim, i) => {
    const { name = '' } = claim;
    const namePath = path.index(i).child('name');
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(namePath));
    else if (seen.has(name)) errors.push(duplicate(namePath, name));
    else errors.push(...invalidEach(namePath, name, isDns1123Label(name)));
    seen.add(name);
    errors.push(...validateClaimSource(claim, path.index(i)));
    return errors;
  });
}

function validateClaimSource(claim: ResourceClaim, path: FieldPath): FieldError[] {
  const { resourceClaimName, resourceClaimTemplateName } = claim;
  const errors: FieldError[] = [];
  if (resourceClaimName != null && resourceClaimTemplateName != null) {
    const detail = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
    errors.push(invalid(path, claim, detail));
  }
  if (resourceClaimName == null && resourceClaimTemplateName == null) {
    const detail = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
    errors.push(invalid(path, claim, detail));
  }
  for (const field of ['resourceClaimName', 'resourceClaimTemplateName'] as const) {
    const name = claim[field];
    if (name != null) errors.push(...invalidEach(path.child(field), name, validateDnsSubdomainName(name, false)));
  }
  return errors;
}
