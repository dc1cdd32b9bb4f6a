/** How much of a shared device's capacity a request may take (upstream: `validateRequestPolicy`). */
import type { V1DeviceCapacity } from '@kubernetes/client-node';
import { forbidden, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import type { Quantity } from '../../../machinery/quantity.ts';
import { validateItems } from '../device-rules.ts';

/** The package calls the policy's `default` `_default`. */
type Policy = NonNullable<V1DeviceCapacity['requestPolicy']> & { default?: string };

const MAX_VALUES = 10;
const NANO = 1_000_000_000n;

/** `allowsMany`: several claims may share the device. */
export function validateCapacity(
  { value, requestPolicy: policy }: V1DeviceCapacity,
  path: FieldPath,
  allowsMany: boolean,
): FieldError[] {
  if (!policy) return [];
  const policyPath = path.child('requestPolicy');
  if (!allowsMany) return [forbidden(policyPath, 'allowMultipleAllocations must be true')];
  const { validValues = [], validRange, default: fallbackText } = policy as Policy;
  if (validValues.length > 0 && validRange) {
    const both = '"validValues" and "validRange"';
    return [forbidden(policyPath, `exactly one policy can be specified, cannot specify ${both} at the same time`)];
  }
  const fallback = tryParseQuantity(fallbackText);
  const capacity = tryParseQuantity(value);
  const field = validValues.length > 0 ? 'validValues' : 'validRange';
  if (validValues.length === 0 && !validRange) return [];
  if (fallback === undefined) return [required(policyPath.child('default'), `required when ${field} is defined`)];
  if (capacity === undefined) return [];
  const amounts = { capacity, fallback };
  return validRange
    ? validateRange(validRange, amounts, policyPath.child(field))
    : validateValues(validValues, amounts, policyPath.child(field));
}

interface Amounts {
  capacity: Quantity;
  /** What is taken when the request says nothing. */
  fallback: Quantity;
}

function validateValues(values: readonly string[], { capacity, fallback }: Amounts, path: FieldPath): FieldError[] {
  const amounts = values.map((text) => tryParseQuantity(text));
  const errors = amounts.slice(1).flatMap((amount, i) => {
    const before = amounts[i];
    const isSorted = amount === undefined || before === undefined || before.cmp(amount) <= 0;
    return isSorted ? [] : [invalid(path.index(i + 1), amount.toString(), 'values must be sorted in ascending order')];
  });
  errors.push(
    ...validateItems(amounts, path, {
      max: MAX_VALUES,
      validate: (amount, valuePath) =>
        amount === undefined || amount.cmp(capacity) <= 0
          ? []
          : [invalid(valuePath, amount.toString(), `option is larger than capacity value: ${capacity.toString()}`)],
      key: (amount) => String(amount?.value()),
    }),
  );
  if (amounts.some((amount) => amount?.cmp(fallback) === 0)) return errors;
  const detail = 'default value is not valid according to the requestPolicy';
  return [...errors, invalid(path, fallback.toString(), detail)];
}

function validateRange(range: NonNullable<Policy['validRange']>, amounts: Amounts, path: FieldPath): FieldError[] {
  const { capacity, fallback } = amounts;
  const min = tryParseQuantity(range.min);
  if (min === undefined) return [required(path.child('min'), 'required when validRange is defined')];
  const max = tryParseQuantity(range.max);
  const errors: FieldError[] = [];
  const refuse = (field: string, value: Quantity, detail: string): void => {
    errors.push(invalid(path.child(field), value.toString(), detail));
  };
  if (min.cmp(capacity) > 0) refuse('min', min, `min is larger than capacity value: ${capacity.toString()}`);
  if (fallback.cmp(min) < 0) refuse('default', fallback, `default is less than min: ${min.toString()}`);
  if (max !== undefined) {
    if (min.cmp(max) > 0) refuse('max', min, `min is larger than max: ${max.toString()}`);
    if (max.cmp(capacity) > 0) refuse('max', max, `max is larger than capacity value: ${capacity.toString()}`);
    if (fallback.cmp(max) > 0) refuse('default', fallback, `default is more than max: ${max.toString()}`);
  }
  const step = tryParseQuantity(range.step);
  if (step === undefined) return errors;
  const multiples = max === undefined ? [fallback] : [fallback, max];
  return [...errors, ...validateStep({ step, min, capacity, multiples }, path.child('step'))];
}

interface Step {
  step: Quantity;
  min: Quantity;
  capacity: Quantity;
  /** Amounts that must be so many steps from the least one. */
  multiples: readonly Quantity[];
}

function validateStep({ step, min, capacity, multiples }: Step, path: FieldPath): FieldError[] {
  if (step.sign() <= 0) return [invalid(path, step.toString(), 'must be greater than zero')];
  const one = min.add(step);
  const errors: FieldError[] = [];
  if (one.cmp(capacity) > 0) {
    const detail = `one step ${one.toString()} is larger than capacity value: ${capacity.toString()}`;
    errors.push(invalid(path, step.toString(), detail));
  }
  for (const amount of multiples) {
    if ((units(amount) - units(min)) % units(step) === 0n) continue;
    const detail = `value is not a multiple of a given step (${step.toString()}) from (${min.toString()})`;
    errors.push(invalid(path, amount.toString(), detail));
  }
  return errors;
}

/** Whole units, rounded up. */
function units({ nano }: Quantity): bigint {
  return nano % NANO === 0n || nano < 0n ? nano / NANO : nano / NANO + 1n;
}
