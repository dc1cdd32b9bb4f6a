/** What an expression made, as plain JSON. */
import { ListValue, MapValue, ObjectValue, OptionalValue, Uint } from '../../../api/cel/values.ts';
import type { Value } from '../../../api/cel/values.ts';
import { ExpressionFailure } from './compiled-expression.ts';

/** Throws ExpressionFailure for what JSON has no form of. */
export function valueAsJson(value: Value): unknown {
  if (typeof value === 'bigint') return asNumber(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint) return asNumber(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof ListValue) return value.toArray().map(valueAsJson);
  if (value instanceof MapValue) return mapAsJson(value);
  if (value instanceof ObjectValue) return objectAsJson(value);
  if (value instanceof OptionalValue) return value.value === undefined ? null : valueAsJson(value.value);
  throw new ExpressionFailure('unsupported type of value in the result of the expression');
}

function asNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ExpressionFailure(`integer ${value} is out of range`);
  return number;
}

function mapAsJson({ source }: MapValue): Record<string, unknown> {
  const entries = [...source.keys()].map((key): [string, unknown] => {
    if (typeof key !== 'string') throw new ExpressionFailure('keys of a map must be strings');
    return [key, valueAsJson(source.get(key)!)];
  });
  return Object.fromEntries(entries);
}

function objectAsJson({ type, source }: ObjectValue): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [field, { property = field }] of type.fields) {
    const value = source.has(field) ? source.get(field) : undefined;
    if (value !== undefined) Object.defineProperty(result, property, own(valueAsJson(value)));
  }
  return result;
}

/** A field may be called `__proto__`. */
function own(value: unknown): PropertyDescriptor {
  return { value, enumerable: true, configurable: true, writable: true };
}
