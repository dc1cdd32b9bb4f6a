/**
 * Checks and prunes a decoded object against its schema in one walk, with the results and words of Go's decoder
 * (sigs.k8s.io/json): what does not fit the type is an error, what has no field goes, `null` is the zero value. What
 * says nothing is left out or written as Go's encoder does it, so that one object has one form.
 */
import { parseQuantity } from '../machinery/quantity.ts';
import type { FieldPlan, Plan } from './plan.ts';
import { planOf } from './plan.ts';
import type { Schema, SchemaTable } from './schema.ts';
import { readTime } from './time-text.ts';

export interface StructureInput {
  table: SchemaTable;
  /** A model's name (`V1Pod`), or a schema of its own (a CRD's). */
  schema: string | Schema;
  /** Names the type in errors when the schema has no name. */
  kind: string;
  apiVersion: string;
  /** A private copy: it is changed in place. Must come from JSON or YAML (plain values, bounded depth). */
  object: unknown;
  /** Zeros stay and are not added: an applied configuration, whose manager owns what it names, be it nothing. */
  keepsZeros?: boolean;
}

export interface StructureResult {
  /** Paths of the fields that were dropped because the schema has none of that name: `spec.containers[0].foo`. */
  unknownFields: string[];
  /** What Go's decoder would say about the first value of a wrong type; then the object must not be used. */
  typeError: string | undefined;
}

/** More paths than this say no more to anyone. */
const MAX_UNKNOWN_FIELDS = 1000;

/**
 * Prunes unknown fields, drops nulls, and brings quantities and times into the form in which the API returns them.
 * Never throws on an object that came from JSON.
 */
export function checkStructure(input: StructureInput): StructureResult {
  const { table, schema, kind, apiVersion, object, keepsZeros = false } = input;
  const plan = planOf(table, schema);
  const walk = new Walk(plan.structName === '' ? kind : plan.structName, keepsZeros);
  if (plan.kind === 'struct' && !isObject(object)) {
    const version = apiVersion.slice(apiVersion.lastIndexOf('/') + 1);
    walk.fail(`json: cannot unmarshal ${goValue(object)} into Go value of type ${version}.${kind}`);
  } else walk.visit(plan, object);
  return { unknownFields: walk.unknownFields, typeError: walk.typeError };
}

/** The position in the object and what was found so far. */
class Walk {
  readonly unknownFields: string[] = [];
  typeError: string | undefined;
  #struct: string;
  readonly #keepsZeros: boolean;
  /** Field names and list positions from the root. */
  readonly #path: (string | number)[] = [];
  /** The path as Go's errors have it: struct fields only. */
  readonly #fields: string[] = [];

  constructor(struct: string, keepsZeros: boolean) {
    this.#struct = struct;
    this.#keepsZeros = keepsZeros;
  }

  fail(message: string): void {
    this.typeError ??= message;
  }

  /** The value as it is to be stored: itself, or its canonical form. `null` is handled by whoever holds the value. */
  visit(plan: Plan, value: unknown): unknown {
    switch (plan.kind) {
      case 'string':
        return typeof value === 'string' ? value : this.#mismatch(plan, value);
      case 'struct':
        return isObject(value) ? this.#visitStruct(plan, value) : this.#mismatch(plan, value);
      case 'map':
        return isObject(value) ? this.#visitMap(plan, value) : this.#mismatch(plan, value);
      case 'list':
        return Array.isArray(value) ? this.#visitList(plan, value) : this.#mismatch(plan, value);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#mismatch(plan, value);
      case 'any':
        return value;
      default:
        return this.#visitScalar(plan, value);
    }
  }

  #visitScalar(plan: Plan, value: unknown): unknown {
    switch (plan.kind) {
      case 'int32':
        return typeof value === 'number' && (value | 0) === value ? value : this.#notInteger(plan, value);
      case 'int64':
        return typeof value === 'number' && isInt64(value) ? value : this.#notInteger(plan, value);
      case 'number':
        return typeof value === 'number' ? value : this.#mismatch(plan, value);
      case 'bytes':
        return this.#visitBytes(plan, value);
      case 'quantity':
        return this.#visitQuantity(value);
      case 'int-or-string':
        return this.#visitIntOrString(value);
      case 'time':
        return this.#visitTime(value, false);
      case 'micro-time':
        return this.#visitTime(value, true);
      default:
        return this.#visitSchemaOr(plan, value);
    }
  }

  #visitStruct(plan: Plan, object: Record<string, unknown>): unknown {
    const outer = this.#struct;
    if (plan.structName !== '') this.#struct = plan.structName;
    for (const key in object) {
      const field = plan.fields.get(key);
      const value = object[key];
      if (field === undefined) {
        if (!plan.preserves) this.#dropUnknown(object, key);
      } else if (value === null) {
        if (!field.keepsNull) delete object[key];
      } else this.#visitField(object, field, value);
    }
    if (!this.#keepsZeros) this.#writeMissing(plan, object);
    this.#struct = outer;
    return object;
  }

  #visitField(object: Record<string, unknown>, { name, plan, omitsEmpty }: FieldPlan, value: unknown): void {
    let stored = value;
    if (plan.kind !== 'string' || typeof value !== 'string') {
      this.#path.push(name);
      this.#fields.push(name);
      stored = this.visit(plan, value);
      if (stored !== value) object[name] = stored;
      this.#fields.pop();
      this.#path.pop();
    }
    if (omitsEmpty && !this.#keepsZeros && isEmpty(stored)) delete object[name];
  }

  #writeMissing(plan: Plan, object: Record<string, unknown>): void {
    for (const field of plan.written) {
      if (object[field.name] === undefined) object[field.name] = this.#zero(field.plan);
    }
  }

  /** What a missing value becomes; a struct has in it what is always written. */
  #zero(plan: Plan): unknown {
    return plan.kind === 'struct' ? this.#visitStruct(plan, {}) : zeroValue(plan);
  }

  #dropUnknown(object: Record<string, unknown>, key: string): void {
    delete object[key];
    if (this.unknownFields.length < MAX_UNKNOWN_FIELDS) this.unknownFields.push(joinPath(this.#path, key));
  }

  #visitMap(plan: Plan, object: Record<string, unknown>): unknown {
    const element = plan.element!;
    for (const key in object) {
      const value = object[key];
      if (element.kind === 'string' && typeof value === 'string') continue;
      this.#path.push(key);
      const stored = value === null ? this.#zero(element) : this.visit(element, value);
      if (stored !== value) setOwn(object, key, stored);
      this.#path.pop();
    }
    return object;
  }

  #visitList(plan: Plan, list: unknown[]): unknown {
    const element = plan.element!;
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      this.#path.push(i);
      const stored = value === null ? this.#zero(element) : this.visit(element, value);
      if (stored !== value) list[i] = stored;
      this.#path.pop();
    }
    return list;
  }

  #visitBytes(plan: Plan, value: unknown): unknown {
    if (typeof value !== 'string') return this.#mismatch(plan, value);
    const at = findBase64Error(value);
    if (at >= 0) this.fail(`illegal base64 data at input byte ${at}`);
    return value;
  }

  #visitQuantity(value: unknown): unknown {
    if (typeof value !== 'string' && typeof value !== 'number') {
      this.fail(QUANTITY_ERROR);
      return value;
    }
    try {
      return parseQuantity(typeof value === 'string' ? value.trim() : value).toString();
    } catch (error) {
      this.fail(error instanceof Error ? error.message : QUANTITY_ERROR);
      return value;
    }
  }

  #visitIntOrString(value: unknown): unknown {
    if (typeof value === 'string' || (typeof value === 'number' && (value | 0) === value)) return value;
    this.fail(`json: cannot unmarshal ${goNumber(value)} into Go value of type int32`);
    return value;
  }

  #visitTime(value: unknown, micro: boolean): unknown {
    if (typeof value !== 'string') {
      this.fail(`json: cannot unmarshal ${goValue(value)} into Go value of type string`);
      return value;
    }
    const time = readTime(value, micro);
    if ('text' in time) return time.text;
    this.fail(time.error);
    return value;
  }

  /** Upstream decodes these with a decoder of their own, which drops unknown fields without a word. */
  #visitSchemaOr(plan: Plan, value: unknown): unknown {
    const reported = this.unknownFields.length;
    for (const schema of Array.isArray(value) ? value : [value]) {
      if (isObject(schema)) this.visit(plan.element!, schema);
    }
    this.unknownFields.length = reported;
    return value;
  }

  #notInteger(plan: Plan, value: unknown): unknown {
    return this.#mismatch(plan, value, goNumber(value));
  }

  #mismatch(plan: Plan, value: unknown, described = goValue(value)): unknown {
    if (this.typeError === undefined) {
      const target = this.#fields.length === 0 ? 'value' : `struct field ${this.#struct}.${this.#fields.join('.')}`;
      this.fail(`json: cannot unmarshal ${described} into Go ${target} of type ${plan.goType}`);
    }
    return value;
  }
}

const QUANTITY_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Zero, or a list or map without anything in it. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object') return value === '' || value === 0 || value === false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -9223372036854775808 && value < 9223372036854775808;
}

/** What `null` becomes where a value has to stay. */
function zeroValue(plan: Plan): unknown {
  switch (plan.kind) {
    case 'string':
      return '';
    case 'int32':
    case 'int64':
    case 'number':
    case 'int-or-string':
      return 0;
    case 'boolean':
      return false;
    case 'quantity':
      return '0';
    default:
      return null;
  }
}

/** Assignment that cannot reach a setter: `__proto__` is a key like any other. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

function goValue(value: unknown): string {
  if (typeof value === 'boolean') return 'bool';
  if (value === null || value === undefined) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** A number that does not fit is named with its value. */
function goNumber(value: unknown): string {
  return typeof value === 'number' ? `number ${value}` : goValue(value);
}

function joinPath(path: readonly (string | number)[], last: string): string {
  let text = '';
  for (const step of [...path, last]) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The position at which Go's `base64.StdEncoding` gives up, or -1. */
function findBase64Error(text: string): number {
  if (text.length % 4 === 0 && BASE64.test(text)) return -1;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\r' || char === '\n') continue;
    if (char === '=') return isPadding(text.slice(i), count % 4) ? -1 : i;
    if (!/[A-Za-z0-9+/]/.test(char)) return i;
    count++;
  }
  return count % 4 === 0 ? -1 : text.length - (count % 4);
}

function isPadding(rest: string, have: number): boolean {
  const padding = rest.replace(/[\r\n]/g, '');
  return (have === 2 && padding === '==') || (have === 3 && padding === '=');
}
