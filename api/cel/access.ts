/** Fields, keys and indices of values. */
import { CelError } from './cel.ts';
import { keyOf, ListValue, type MapKey, MapValue, ObjectValue, OptionalValue, type Value } from './values.ts';

export function noSuchOverload(): CelError {
  return new CelError('no such overload');
}

/** `operand.field`; through an optional it gives an optional. */
export function select(operand: Value, field: string): Value {
  if (operand instanceof OptionalValue) {
    return selectOptional(operand, field);
  }
  const value = find(operand, field);
  if (value === undefined) {
    throw new CelError(`no such key: ${field}`);
  }
  return value;
}

/** `operand.?field`. */
export function selectOptional(operand: Value, field: string): OptionalValue {
  if (operand instanceof OptionalValue) {
    return operand.value === undefined ? operand : selectOptional(operand.value, field);
  }
  const value = find(operand, field);
  return value === undefined ? OptionalValue.none : new OptionalValue(value);
}

/** `has(operand.field)`. */
export function hasField(operand: Value, field: string): boolean {
  if (operand instanceof OptionalValue) {
    return operand.value !== undefined && hasField(operand.value, field);
  }
  if (operand instanceof ObjectValue || operand instanceof MapValue) {
    return operand.source.has(field);
  }
  throw noSuchOverload();
}

function find(operand: Value, field: string): Value | undefined {
  if (operand instanceof ObjectValue || operand instanceof MapValue) {
    return operand.source.get(field);
  }
  throw noSuchOverload();
}

/** `operand[index]`; through an optional it gives an optional. */
export function indexInto(operand: Value, index: Value): Value {
  if (operand instanceof OptionalValue) {
    return indexOptional(operand, index);
  }
  const value = at(operand, index);
  if (value !== undefined) {
    return value;
  }
  throw new CelError(
    operand instanceof ListValue ? `index out of bounds: ${show(index)}` : `no such key: ${show(index)}`,
  );
}

/** `operand[?index]`. */
export function indexOptional(operand: Value, index: Value): OptionalValue {
  if (operand instanceof OptionalValue) {
    return operand.value === undefined ? operand : indexOptional(operand.value, index);
  }
  const value = at(operand, index);
  return value === undefined ? OptionalValue.none : new OptionalValue(value);
}

function at(operand: Value, index: Value): Value | undefined {
  const key = keyOf(index);
  if (operand instanceof ListValue) {
    const position = key === undefined || typeof key === 'string' || typeof key === 'boolean' ? undefined : key;
    if (position === undefined) {
      throw new CelError(`unsupported index type '${typeof index === 'number' ? 'double' : 'value'}' in list`);
    }
    const number = Number(typeof position === 'bigint' ? position : position.value);
    return number >= 0 && number < operand.length ? operand.at(number) : undefined;
  }
  if (operand instanceof MapValue) {
    return key === undefined ? undefined : operand.source.get(key);
  }
  if (operand instanceof ObjectValue) {
    return typeof key === 'string' ? operand.source.get(key) : undefined;
  }
  throw noSuchOverload();
}

function show(index: Value): string {
  const key = keyOf(index);
  return typeof key === 'object' ? String(key.value) : String(key ?? index);
}

/** Keys of a map, names of an object's fields that are set. */
export function keysOf(value: MapValue | ObjectValue): Iterable<MapKey> {
  if (value instanceof MapValue) {
    return value.source.keys();
  }
  const { source, type } = value;
  return [...type.fields.keys()].filter((field) => source.has(field));
}
