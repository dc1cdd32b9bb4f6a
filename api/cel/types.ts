/**
 * CEL's types as the checker and the cost estimator see them. Sizes (`maxElements`, `minSize`) come from a schema and
 * take no part in equality.
 */
export type SimpleKind =
  'any' | 'bool' | 'bytes' | 'double' | 'duration' | 'dyn' | 'error' | 'int' | 'null' | 'string' | 'timestamp' | 'uint';

/** What a schema says of a value's size. */
export interface Sized {
  /** Most bytes of a string, items of a list, entries of a map. */
  readonly maxElements?: number;
  /** Fewest bytes of the value as JSON. */
  readonly minSize?: number;
}

export interface SimpleType extends Sized {
  readonly kind: SimpleKind;
}

export interface ListType extends Sized {
  readonly kind: 'list';
  readonly element: CelType;
  /** Kubernetes' equality of lists: sets and list-maps ignore order. */
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
}

export interface MapType extends Sized {
  readonly kind: 'map';
  readonly key: CelType;
  readonly value: CelType;
}

export interface ObjectField {
  readonly type: CelType;
  /** The property's name in the plain object, where it differs from the field's (escaped) name. */
  readonly property?: string;
}

export interface ObjectType extends Sized {
  readonly kind: 'object';
  readonly name: string;
  /** By escaped name; may be filled after the type was made, for types that contain themselves. */
  readonly fields: ReadonlyMap<string, ObjectField>;
}

/** A type without fields, made by a library: `net.IP`, `optional_type(string)`. */
export interface OpaqueType extends Sized {
  readonly kind: 'opaque';
  readonly name: string;
  readonly parameters: readonly CelType[];
}

/** The type of a type: `type(1)` is `type(int)`. */
export interface TypeType extends Sized {
  readonly kind: 'type';
  readonly of?: CelType;
}

/** A parameter of an overload, or a type yet to be found while checking. */
export interface ParameterType extends Sized {
  readonly kind: 'parameter';
  readonly name: string;
}

export type CelType = SimpleType | ListType | MapType | ObjectType | OpaqueType | TypeType | ParameterType;

export const ANY: CelType = { kind: 'any' };
export const BOOL: CelType = { kind: 'bool' };
export const BYTES: CelType = { kind: 'bytes' };
export const DOUBLE: CelType = { kind: 'double' };
export const DURATION: CelType = { kind: 'duration' };
export const DYN: CelType = { kind: 'dyn' };
export const ERROR: CelType = { kind: 'error' };
export const INT: CelType = { kind: 'int' };
export const NULL: CelType = { kind: 'null' };
export const STRING: CelType = { kind: 'string' };
export const TIMESTAMP: CelType = { kind: 'timestamp' };
export const UINT: CelType = { kind: 'uint' };
export const TYPE: CelType = { kind: 'type' };

export function listOf(element: CelType): ListType {
  return { kind: 'list', element };
}

export function mapOf(key: CelType, value: CelType): MapType {
  return { kind: 'map', key, value };
}

export function typeOf(of: CelType): TypeType {
  return { kind: 'type', of };
}

export function parameter(name: string): ParameterType {
  return { kind: 'parameter', name };
}

export function opaque(name: string, ...parameters: CelType[]): OpaqueType {
  return { kind: 'opaque', name, parameters };
}

export function optionalOf(type: CelType): OpaqueType {
  return opaque('optional_type', type);
}

export function isOptional(type: CelType): type is OpaqueType {
  return type.kind === 'opaque' && type.name === 'optional_type';
}

/** An object type from field types, with properties named as the fields are. */
export function objectOf(name: string, fields: Record<string, CelType>): ObjectType {
  const entries = Object.entries(fields).map(([field, type]): [string, ObjectField] => [field, { type }]);
  return { kind: 'object', name, fields: new Map(entries) };
}

const SPELLED: Partial<Record<CelType['kind'], string>> = {
  any: 'any',
  duration: 'google.protobuf.Duration',
  timestamp: 'google.protobuf.Timestamp',
  null: 'null_type',
  error: '!error!',
};

/** A type's name at run time: what `type(x)` is written as. */
export function typeName(type: CelType): string {
  if (type.kind === 'object' || type.kind === 'opaque' || type.kind === 'parameter') {
    return type.name;
  }
  return SPELLED[type.kind] ?? type.kind;
}

/** The type as messages write it: `list(map(string, int))` (cel-go, checker/format.go FormatCELType). */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.element)})`;
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`;
    case 'type':
      return type.of === undefined ? 'type' : `type(${formatType(type.of)})`;
    case 'opaque':
      return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(formatType).join(', ')})`;
    case 'object':
    case 'parameter':
      return type.name;
    case 'duration':
    case 'timestamp':
    case 'any':
      return typeName(type);
    case 'null':
      return 'null';
    default:
      return typeName(type);
  }
}
