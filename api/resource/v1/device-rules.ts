/**
 * Rules that the kinds of resource.k8s.io share (upstream: `pkg/apis/resource/validation/validation.go`): names of
 * drivers, pools and attributes, selectors, tolerations, opaque configuration, and sets with a greatest size.
 */
import { duplicate, invalid, notSupported, required, tooLong, tooMany } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import {
  invalidEach,
  isCIdentifier,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
} from '../../machinery/validation.ts';

/** Limits of `staging/src/k8s.io/api/resource/v1/types.go`. */
export const MAX_SELECTORS = 32;
export const MAX_CONFIGS = 32;
const MAX_DRIVER_NAME = 63;
const MAX_POOL_NAME = 253;
const MAX_IDENTIFIER = 32;
const MAX_CEL_LENGTH = 10 * 1024;
export const MAX_RAW_LENGTH = 10 * 1024;
const MAX_BINDING_CONDITIONS = 4;

export const TAINT_EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

export interface SetRules<T> {
  /** Undefined: any number. */
  max?: number;
  validate(item: T, path: FieldPath): FieldError[];
  /** What may not be twice; undefined: everything may. */
  key?(item: T): unknown;
}

/** Of what is too long, nothing else is said. */
export function validateItems<T>(items: readonly T[] | undefined, path: FieldPath, rules: SetRules<T>): FieldError[] {
  const list = items ?? [];
  const { max, validate, key } = rules;
  if (max !== undefined && list.length > max) return [tooMany(path, list.length, max)];
  const errors = list.flatMap((item, i) => validate(item, path.index(i)));
  if (key === undefined) return errors;
  const seen = new Set<string>();
  list.forEach((item, i) => {
    const value = key(item);
    const text = JSON.stringify(value) ?? '';
    if (seen.has(text)) errors.push(duplicate(path.index(i), value));
    seen.add(text);
  });
  return errors;
}

/** `ValidateCSIDriverName`: drivers have the names of CSI drivers. */
export function validateDriverName(name: string | undefined, path: FieldPath): FieldError[] {
  if (!name) return [required(path)];
  const errors = name.length > MAX_DRIVER_NAME ? [tooLong(path, MAX_DRIVER_NAME)] : [];
  return [...errors, ...invalidEach(path, name, isDns1123Subdomain(name.toLowerCase()))];
}

export function validatePoolName(name: string | undefined, path: FieldPath): FieldError[] {
  if (!name) return [required(path)];
  const errors = Buffer.byteLength(name) > MAX_POOL_NAME ? [tooLong(path, MAX_POOL_NAME)] : [];
  return [...errors, ...name.split('/').flatMap((part) => invalidEach(path, part, isDns1123Subdomain(part)))];
}

/** Names of requests, devices and counters. */
export function validateLabelName(name: string | undefined, path: FieldPath): FieldError[] {
  return invalidEach(path, name ?? '', isDns1123Label(name ?? ''));
}

function validateIdentifier(id: string, path: FieldPath): FieldError[] {
  const errors = id.length > MAX_IDENTIFIER ? [tooLong(path, MAX_IDENTIFIER)] : [];
  return [...errors, ...invalidEach(path, id, isCIdentifier(id))];
}

/** An attribute's or capacity's name, with or without the domain of its driver. */
export function validateQualifiedName(name: string, path: FieldPath): FieldError[] {
  const parts = name.split('/');
  if (parts.length === 1) return validateIdentifier(name, path);
  if (parts.length > 2) return [invalid(path, name, 'must not contain more than one slash')];
  const [domain, id] = parts as [string, string];
  return [
    ...(domain === '' ? [invalid(path, '', 'the domain must not be empty')] : validateDriverName(domain, path)),
    ...(id === '' ? [invalid(path, '', 'the name must not be empty')] : validateIdentifier(id, path)),
  ];
}

export function validateFullyQualifiedName(name: string, path: FieldPath): FieldError[] {
  const errors = validateQualifiedName(name, path);
  if (name.includes('/')) return errors;
  const detail = 'a fully qualified name must be a domain and a name separated by a slash';
  return [...errors, invalid(path, name, detail)];
}

interface Selector {
  cel?: { expression?: string };
}

export function validateSelectors(selectors: readonly Selector[] | undefined, path: FieldPath): FieldError[] {
  return validateItems(selectors, path, {
    max: MAX_SELECTORS,
    validate: ({ cel }, selectorPath) =>
      cel
        ? validateExpression(cel.expression ?? '', selectorPath.child('cel', 'expression'))
        : [required(selectorPath.child('cel'))],
  });
}

/** Where an expression is checked. It has to be there and not too long; whether it compiles is not looked at yet. */
function validateExpression(expression: string, path: FieldPath): FieldError[] {
  if (expression === '') return [required(path)];
  return Buffer.byteLength(expression) > MAX_CEL_LENGTH ? [tooLong(path, MAX_CEL_LENGTH)] : [];
}

interface Configuration {
  opaque?: { driver?: string; parameters?: unknown };
}

export function validateConfiguration({ opaque }: Configuration, path: FieldPath): FieldError[] {
  const opaquePath = path.child('opaque');
  if (!opaque) return [required(opaquePath)];
  return [
    ...validateDriverName(opaque.driver, opaquePath.child('driver')),
    ...validateRawObject(opaque.parameters, opaquePath.child('parameters')),
  ];
}

/** An object of any kind, within limits. */
export function validateRawObject(value: unknown, path: FieldPath): FieldError[] {
  if (value === undefined || value === null) return [required(path)];
  if (Buffer.byteLength(JSON.stringify(value)) > MAX_RAW_LENGTH) return [tooLong(path, MAX_RAW_LENGTH)];
  const isObject = typeof value === 'object' && !Array.isArray(value);
  return isObject ? [] : [invalid(path, '<value omitted>', 'must be a valid JSON object')];
}

interface DeviceToleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

export function validateDeviceTolerations(
  tolerations: readonly DeviceToleration[] | undefined,
  path: FieldPath,
): FieldError[] {
  return (tolerations ?? []).flatMap((toleration, i) => validateToleration(toleration, path.index(i)));
}

const OPERATORS = ['Equal', 'Exists'];

function validateToleration(
  { key = '', operator = '', value = '', effect = '' }: DeviceToleration,
  path: FieldPath,
): FieldError[] {
  const errors = key === '' ? [] : invalidEach(path.child('key'), key, isQualifiedName(key));
  const valuePath = path.child('value');
  if (operator === 'Exists') {
    if (value !== '') errors.push(invalid(valuePath, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') errors.push(...invalidEach(valuePath, value, isValidLabelValue(value)));
  else if (operator === '') errors.push(required(path.child('operator')));
  else errors.push(notSupported(path.child('operator'), operator, OPERATORS));
  if (effect !== '' && !TAINT_EFFECTS.includes(effect)) {
    errors.push(notSupported(path.child('effect'), effect, TAINT_EFFECTS));
  }
  return errors;
}

interface Binding {
  bindingConditions?: string[];
  bindingFailureConditions?: string[];
}

/** `validateDeviceBindingParameters` */
export function validateBinding(binding: Binding, path: FieldPath): FieldError[] {
  const { bindingConditions: conditions = [], bindingFailureConditions: failures = [] } = binding;
  const conditionsPath = path.child('bindingConditions');
  const failuresPath = path.child('bindingFailureConditions');
  const rules: SetRules<string> = {
    max: MAX_BINDING_CONDITIONS,
    validate: (name, namePath) => invalidEach(namePath, name, isQualifiedName(name)),
    key: (name) => name,
  };
  const errors = [
    ...validateItems(conditions, conditionsPath, rules),
    ...validateItems(failures, failuresPath, rules),
    ...failures.flatMap((failure, i) => {
      const detail = 'bindingFailureConditions must not overlap with bindingConditions';
      return conditions.includes(failure) ? [invalid(failuresPath.index(i), failure, detail)] : [];
    }),
  ];
  if (conditions.length === 0 && failures.length > 0) {
    const detail = 'bindingConditions are required to use bindingFailureConditions';
    errors.push(invalid(conditionsPath, conditions, detail));
  }
  if (failures.length === 0 && conditions.length > 0) {
    const detail = 'bindingFailureConditions are required to use bindingConditions';
    errors.push(invalid(failuresPath, failures, detail));
  }
  return errors;
}
