/** LimitRange: bounds and defaults of what pods, containers and claims in a namespace ask for (upstream: `ValidateLimitRange`). */
import type { V1LimitRange, V1LimitRangeItem } from '@kubernetes/client-node';
import { duplicate, fieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { quantityFromInteger, tryParseQuantity } from '../../machinery/quantity.ts';
import type { Quantity } from '../../machinery/quantity.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isQualifiedName } from '../../machinery/validation.ts';
import { createdAtColumn } from '../../table-cells.ts';
import { canonicalizeResourceList } from './pod/resources.ts';
import type { ResourceList } from './pod/types.ts';
import { validateContainerResourceName, validateResourceName } from './pod/validate-resources.ts';
import { isOvercommitAllowed } from './resource-names.ts';

type Amounts = 'default' | 'defaultRequest' | 'max' | 'maxLimitRequestRatio' | 'min';

/** The package calls `default` by another name, since it is a word of the language. */
export type LimitRangeItem = Omit<Wire<V1LimitRangeItem>, '_default'> & { default?: ResourceList };

/** A decoded LimitRange: defaulting has seen to it that `spec` is there. */
export type LimitRange = Omit<WireObject<V1LimitRange>, 'spec'> & { spec: { limits: LimitRangeItem[] } };

const LIMITS = fieldPath('spec', 'limits');
const TYPES = ['Pod', 'Container', 'PersistentVolumeClaim'];
const ONE = quantityFromInteger(1);

export const limitRanges = defineResource<LimitRange>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'limitranges', singular: 'limitrange', kind: 'LimitRange', shortNames: ['limits'] },
  schema: 'V1LimitRange',
  additionalPrinterColumns: [createdAtColumn()],
  strategy: {
    default: defaultLimitRange,
    validate: ({ spec }) => validateLimits(spec.limits),
    validateUpdate: ({ spec }) => validateLimits(spec.limits),
    allowCreateOnUpdate: true,
    hasGeneration: false,
  },
});

/** `SetDefaults_LimitRangeItem`: for containers, limits come from `max`, requests from limits and then from `min`. */
function defaultLimitRange(limitRange: LimitRange): void {
  const spec = (limitRange.spec ??= { limits: [] });
  // Go writes the list even when it is empty.
  for (const item of (spec.limits ??= [])) {
    for (const field of ['default', 'defaultRequest', 'max', 'maxLimitRequestRatio', 'min'] as const)
      canonicalizeResourceList(item[field]);
    if (item.type !== 'Container') continue;
    const limits = (item.default = { ...item.max, ...item.default });
    const requests = (item.defaultRequest = { ...item.min, ...limits, ...item.defaultRequest });
    if (Object.keys(limits).length === 0) delete item.default;
    if (Object.keys(requests).length === 0) delete item.defaultRequest;
  }
}

function validateLimits(limits: readonly LimitRangeItem[]): FieldError[] {
  const types = new Set<string>();
  return limits.flatMap((item, i) => {
    const path = LIMITS.index(i);
    const errors = validateType(item.type ?? '', path.child('type'));
    if (types.has(item.type)) errors.push(duplicate(path.child('type'), item.type));
    types.add(item.type);
    return [...errors, ...validateItem(item, path)];
  });
}

/** `validateLimitRangeTypeName` */
function validateType(type: string, path: FieldPath): FieldError[] {
  const errors = invalidEach(path, type, isQualifiedName(type));
  if (errors.length > 0 || type.includes('/') || TYPES.includes(type)) return errors;
  return [invalid(path, type, 'must be a standard limit type or fully qualified')];
}

function validateItem(item: LimitRangeItem, path: FieldPath): FieldError[] {
  const named: Amounts[] = ['max', 'min', 'maxLimitRequestRatio'];
  const errors: FieldError[] = [];
  if (item.type === 'Pod') {
    for (const field of ['default', 'defaultRequest'] as const) {
      if (Object.keys(item[field] ?? {}).length > 0)
        errors.push(forbidden(path.child(field), "may not be specified when `type` is 'Pod'"));
    }
  } else named.push('default', 'defaultRequest');
  for (const field of named) {
    for (const name of Object.keys(item[field] ?? {}))
      errors.push(...validateName(item.type, name, path.child(field).key(name)));
  }
  if (item.type === 'PersistentVolumeClaim' && item.min?.['storage'] == null && item.max?.['storage'] == null) {
    const detail = 'either minimum or maximum storage value is required, but neither was provided';
    errors.push(required(path.child('limits'), detail));
  }
  const names = new Set(named.flatMap((field) => Object.keys(item[field] ?? {})));
  for (const name of [...names].sort()) errors.push(...validateAmounts(amountsOf(item, named, name), name, path));
  return errors;
}

function validateName(type: string, name: string, path: FieldPath): FieldError[] {
  const check = type === 'Pod' || type === 'Container' ? validateContainerResourceName : validateResourceName;
  return check(name, path);
}

type OneResource = Partial<Record<Amounts, Quantity>>;

function amountsOf(item: LimitRangeItem, fields: readonly Amounts[], name: string): OneResource {
  const amounts: OneResource = {};
  for (const field of fields) {
    const list = item[field];
    const quantity = list !== undefined && Object.hasOwn(list, name) ? tryParseQuantity(list[name]) : undefined;
    if (quantity !== undefined) amounts[field] = quantity;
  }
  return amounts;
}

/** Of two amounts the first may not be greater: lower, upper, how both are called, where and which value is reported. */
const ORDERED: readonly [Amounts, Amounts, string, string, Amounts, Amounts][] = [
  ['min', 'max', 'min', 'max', 'min', 'min'],
  ['min', 'defaultRequest', 'min', 'default request', 'defaultRequest', 'defaultRequest'],
  ['defaultRequest', 'max', 'default request', 'max', 'defaultRequest', 'defaultRequest'],
  ['defaultRequest', 'default', 'default request', 'default limit', 'defaultRequest', 'defaultRequest'],
  ['min', 'default', 'min', 'default', 'default', 'min'],
  ['default', 'max', 'default', 'max', 'default', 'max'],
];

function validateAmounts(amounts: OneResource, name: string, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [lower, upper, lowerName, upperName, field, shown] of ORDERED) {
    const [low, high] = [amounts[lower], amounts[upper]];
    if (low === undefined || high === undefined || low.cmp(high) <= 0) continue;
    const detail = `${lowerName} value ${low.toString()} is greater than ${upperName} value ${high.toString()}`;
    errors.push(invalid(path.child(field).key(name), amounts[shown]!.toString(), detail));
  }
  errors.push(...validateRatio(amounts, path.child('maxLimitRequestRatio').key(name)));
  const { default: limit, defaultRequest: request } = amounts;
  if (!isOvercommitAllowed(name) && limit !== undefined && request !== undefined && limit.cmp(request) !== 0) {
    const detail = `default value ${limit.toString()} must equal to defaultRequest value ${request.toString()} in ${name}`;
    errors.push(invalid(path.child('defaultRequest').key(name), request.toString(), detail));
  }
  return errors;
}

function validateRatio({ maxLimitRequestRatio: ratio, min, max }: OneResource, path: FieldPath): FieldError[] {
  if (ratio === undefined) return [];
  const text = ratio.toString();
  const errors = ratio.cmp(ONE) < 0 ? [invalid(path, text, `ratio ${text} is less than 1`)] : [];
  if (min === undefined || max === undefined) return errors;
  const limit = Number(max.nano) / Number(min.nano);
  if (Number(ratio.nano) / 1e9 > limit)
    errors.push(invalid(path, text, `ratio ${text} is greater than max/min = ${limit.toFixed(6)}`));
  return errors;
}
