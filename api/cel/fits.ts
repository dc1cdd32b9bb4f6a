/** Whether values are of a type, for choosing among overloads while evaluating. */
import type { CelType } from './types.ts';
import {
  Duration,
  ListValue,
  MapValue,
  ObjectValue,
  OpaqueValue,
  OptionalValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

/** Whether a checked type leaves no doubt that its values are of the wanted type. */
export function isSurelyFitting(type: CelType | undefined, wanted: CelType): boolean {
  if (wanted.kind === 'dyn' || wanted.kind === 'any' || wanted.kind === 'parameter') {
    return true;
  }
  if (type === undefined || type.kind !== wanted.kind || type.kind === 'object') {
    return false;
  }
  return type.kind !== 'opaque' || (wanted.kind === 'opaque' && type.name === wanted.name);
}

/** Whether the value is of the type; of lists and maps, what is in them is not looked at. */
export function fits(value: Value, type: CelType): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'any':
    case 'parameter':
      return true;
    case 'object':
      return value instanceof ObjectValue && value.type.name === type.name;
    case 'opaque':
      return type.name === 'optional_type'
        ? value instanceof OptionalValue
        : value instanceof OpaqueValue && value.typeName === type.name;
    default:
      return TESTS[type.kind](value);
  }
}

const TESTS: Readonly<
  Record<Exclude<CelType['kind'], 'dyn' | 'any' | 'parameter' | 'object' | 'opaque'>, (value: Value) => boolean>
> = {
  bool: (value) => typeof value === 'boolean',
  bytes: (value) => value instanceof Uint8Array,
  double: (value) => typeof value === 'number',
  duration: (value) => value instanceof Duration,
  error: () => false,
  int: (value) => typeof value === 'bigint',
  list: (value) => value instanceof ListValue,
  map: (value) => value instanceof MapValue || value instanceof ObjectValue,
  null: (value) => value === null,
  string: (value) => typeof value === 'string',
  timestamp: (value) => value instanceof Timestamp,
  type: (value) => value instanceof TypeValue,
  uint: (value) => value instanceof Uint,
};
