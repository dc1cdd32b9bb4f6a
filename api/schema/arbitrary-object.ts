/**
 * Objects of any kind, made from its schema and a string of bytes that decides everything: for property tests and the
 * fuzzer, which choose (and shrink) the bytes.
 */
import type { Schema, SchemaTable } from './schema.ts';

export interface ArbitraryObjectOptions {
  table: SchemaTable;
  /** A model's name, `V1Pod`. */
  schema: string;
  /** Where they end, every further choice is the simplest. */
  choices: Uint8Array;
}

/** Valid in structure, private to the caller; no list and no map in it is empty. */
export function arbitraryObject({ table, schema, choices }: ArbitraryObjectOptions): Record<string, unknown> {
  return new Maker(table, choices).make({ ref: schema }, 0) as Record<string, unknown>;
}

/** Beyond it only scalars are filled in. */
const DEEPEST = 7;

const TEXTS = ['a', 'web', 'Größe 🙂', 'x'.repeat(200), '0', 'true', 'a/b.c-d', '\u0000\ufeff"\\'];
const KEYS = ['app', 'example.com/name', 'k', 'constructor', '__proto__', 'ä'];
const INTEGERS = [1, 2, 127, 128, 80, 65_535, 2_147_483_647, -1, -2_147_483_648, 0];
const LONG_INTEGERS = [...INTEGERS, 4_294_967_296, -4_294_967_297, 9_007_199_254_740_991, -9_007_199_254_740_991];
const QUANTITIES = ['1', '500m', '1Gi', '10k', '2'];
const TIMES = ['2026-01-02T03:04:05Z', '1970-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '9999-12-31T23:59:59Z'];
const MICRO_TIMES = ['2026-01-02T03:04:05.678901Z', '1970-01-01T00:00:00.000000Z', '1969-12-31T23:59:59.999999Z'];
const DOUBLES = [1, 0.5, -1e300, 3];
const DOCUMENTS = ['{"a":1}', '{"a":{"b":[1,null,"x"]}}', '{}', '{"f:metadata":{"f:labels":{".":{},"f:a":{}}}}'];

class Maker {
  readonly #table: SchemaTable;
  readonly #choices: Uint8Array;
  #next = 0;

  constructor(table: SchemaTable, choices: Uint8Array) {
    this.#table = table;
    this.#choices = choices;
  }

  make(asked: Schema, depth: number): unknown {
    const schema = this.#table.resolve(asked);
    if (schema.format !== undefined) return this.#formatted(schema, depth);
    if (schema.preserveUnknownFields === true) return JSON.parse(this.#pick(DOCUMENTS));
    if (schema.additionalProperties !== undefined) return this.#map(schema.additionalProperties, depth);
    switch (schema.type) {
      case 'object':
        return this.#struct(schema, depth);
      case 'array':
        return Array.from({ length: 1 + this.#choice(3) }, () => this.make(schema.items ?? {}, depth + 1));
      case 'boolean':
        return this.#choice(2) === 1;
      case 'integer':
        return this.#pick(INTEGERS);
      case 'number':
        return this.#pick(DOUBLES);
      default:
        return this.#pick(TEXTS);
    }
  }

  #formatted(schema: Schema, depth: number): unknown {
    switch (schema.format) {
      case 'quantity':
        return this.#pick(QUANTITIES);
      case 'int-or-string':
        return this.#choice(2) === 1 ? this.#pick(INTEGERS) : this.#pick(['http', '25%', '']);
      case 'date-time':
        return this.#pick(TIMES);
      case 'date-time-micro':
        return this.#pick(MICRO_TIMES);
      case 'byte':
        return Buffer.from(this.#pick(TEXTS)).toString('base64');
      case 'int64':
        return this.#pick(LONG_INTEGERS);
      case 'schema-or-bool':
        return this.#choice(2) === 1 ? this.#subschema(depth) : this.#choice(2) === 1;
      case 'schema-or-array':
        return this.#choice(2) === 1 ? [this.#subschema(depth)] : this.#subschema(depth);
      case 'schema-or-string-array':
        return this.#choice(2) === 1 ? ['a', 'b'] : this.#subschema(depth);
      default: {
        const { format: _format, ...plain } = schema;
        return this.make(plain, depth);
      }
    }
  }

  #subschema(depth: number): unknown {
    return this.make({ ref: 'V1JSONSchemaProps' }, depth + 1);
  }

  #struct(schema: Schema, depth: number): Record<string, unknown> {
    const made: Record<string, unknown> = {};
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const isRequired = schema.required?.includes(name) === true || (depth === 0 && property.ref !== undefined);
      if (!isRequired && (this.#choice(3) !== 1 || (depth > DEEPEST && !this.#isScalar(property)))) continue;
      made[name] = this.make(property, depth + 1);
    }
    return made;
  }

  #map(values: Schema, depth: number): Record<string, unknown> {
    const entries = Array.from({ length: 1 + this.#choice(2) }, () => [this.#pick(KEYS), this.make(values, depth + 1)]);
    return Object.fromEntries(entries) as Record<string, unknown>;
  }

  #isScalar(property: Schema): boolean {
    const { type, format } = this.#table.resolve(property);
    return type !== 'object' && type !== 'array' && format?.startsWith('schema') !== true;
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#choice(values.length)]!;
  }

  #choice(count: number): number {
    return (this.#choices[this.#next++] ?? 0) % count;
  }
}
