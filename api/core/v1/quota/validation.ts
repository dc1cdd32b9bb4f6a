/** Validation of quotas (`pkg/apis/core/validation/validation.go ValidateResourceQuota…`). */
import { fieldPath, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { FIELD_IMMUTABLE_MESSAGE } from '../../../machinery/validation.ts';
import { validateResourceName, validateResourceQuantity } from '../pod/validate-resources.ts';
import { isStandardQuotaResource, QUOTA_SCOPES, scopeFitsResource } from './scopes.ts';
import type { ResourceQuota, ResourceQuotaSpec } from './types.ts';

type Requirement = NonNullable<NonNullable<ResourceQuotaSpec['scopeSelector']>['matchExpressions']>[number];

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');
const CONFLICTING = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;
const ONLY_EXISTS = new Set([
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
]);

export function validateQuotaSpec(spec: ResourceQuotaSpec): FieldError[] {
  return [
    ...validateAmounts(spec.hard, SPEC.child('hard')),
    ...validateScopes(spec, SPEC.child('scopes')),
    ...validateSelector(spec, SPEC.child('scopeSelector', 'matchExpressions')),
  ];
}

/** Scopes stay: what has been counted by them would be wrong. */
export function validateQuotaSpecUpdate(spec: ResourceQuotaSpec, previous: ResourceQuotaSpec): FieldError[] {
  const errors = validateQuotaSpec(spec);
  const [next, before] = [new Set(spec.scopes), new Set(previous.scopes)];
  if (next.size !== before.size || [...next].some((scope) => !before.has(scope)))
    errors.push(invalid(SPEC.child('scopes'), spec.scopes ?? null, FIELD_IMMUTABLE_MESSAGE));
  return errors;
}

export function validateQuotaStatus(status: ResourceQuota['status']): FieldError[] {
  return [
    ...validateAmounts(status?.hard, STATUS.child('hard')),
    ...validateAmounts(status?.used, STATUS.child('used')),
  ];
}

function validateAmounts(list: Readonly<Record<string, string>> | undefined, path: FieldPath): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, text]) => {
    const errors = validateResourceName(name, path.key(name));
    if (!name.includes('/') && !isStandardQuotaResource(name))
      errors.push(invalid(path.key(name), name, 'must be a standard resource for quota'));
    return [...errors, ...validateResourceQuantity(name, text, path.key(name))];
  });
}

function validateScopes(spec: ResourceQuotaSpec, path: FieldPath): FieldError[] {
  const scopes = spec.scopes ?? [];
  return [
    ...scopes.flatMap((scope) => [
      ...(QUOTA_SCOPES.includes(scope) ? [] : [invalid(path, scopes, 'unsupported scope')]),
      ...misfits(spec, scope).map(() => invalid(path, scopes, 'unsupported scope applied to resource')),
    ]),
    ...conflicts(scopes).map(() => invalid(path, scopes, 'conflicting scopes')),
  ];
}

/** Resources that the quota counts and that the scope has nothing to do with. */
function misfits({ hard }: ResourceQuotaSpec, scope: string): string[] {
  return Object.keys(hard ?? {}).filter((name) => isStandardQuotaResource(name) && !scopeFitsResource(scope, name));
}

function conflicts(scopes: readonly string[]): readonly unknown[] {
  return CONFLICTING.filter((pair) => pair.every((scope) => scopes.includes(scope)));
}

function validateSelector(spec: ResourceQuotaSpec, path: FieldPath): FieldError[] {
  const requirements = spec.scopeSelector?.matchExpressions ?? [];
  return [
    ...requirements.flatMap((requirement) => [
      ...misfits(spec, requirement.scopeName).map(() =>
        invalid(path, spec.scopeSelector, 'unsupported scope applied to resource'),
      ),
      ...validateRequirement(requirement, path),
    ]),
    ...conflicts(requirements.map(({ scopeName }) => scopeName)).map(() =>
      invalid(path, spec.scopes ?? null, 'conflicting scopes'),
    ),
  ];
}

function validateRequirement({ scopeName = '', operator = '', values }: Requirement, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (!QUOTA_SCOPES.includes(scopeName)) errors.push(invalid(path.child('scopeName'), scopeName, 'unsupported scope'));
  if (ONLY_EXISTS.has(scopeName) && operator !== 'Exists') {
    const detail =
      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    errors.push(invalid(path.child('operator'), operator, detail));
  }
  const count = values?.length ?? 0;
  if (operator === 'In' || operator === 'NotIn') {
    const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (count === 0) errors.push(required(path.child('values'), detail));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const detail = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
    if (count > 0) errors.push(invalid(path.child('values'), values, detail));
  } else errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  return errors;
}
