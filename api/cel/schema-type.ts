/**
 * The CEL type of a schema: `k8s.io/apiserver/pkg/cel/common/schemas.go` SchemaDeclType, with its estimates of sizes.
 */
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { MAX_REQUEST_SIZE_BYTES } from './limits.ts';
import type { CelType, ObjectField, ObjectType } from './types.ts';

/** A schema with what a CRD may say beyond a built-in kind's. */
export interface CelSchema extends Schema {
  properties?: Record<string, CelSchema>;
  additionalProperties?: CelSchema;
  items?: CelSchema;
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
  enum?: readonly unknown[];
  /** `x-kubernetes-embedded-resource`. */
  embeddedResource?: boolean;
}

export interface SchemaTypeOptions {
  /** The root of an object or an embedded one: `apiVersion`, `kind`, `metadata.name`, `metadata.generateName` are there. */
  readonly root?: boolean;
  /** For schemas with `ref`. */
  readonly table?: SchemaTable;
  /** What the object type is called, and what the names of those in it begin with: types of one name are one. */
  readonly name?: string;
}

/** Undefined: expressions cannot see values of this schema. */
export function schemaType(schema: CelSchema, options: SchemaTypeOptions = {}): CelType | undefined {
  return new SchemaTypes(options.table).typeOf(schema, { root: options.root ?? false, path: options.name ?? 'object' });
}

const STRING_MIN_SIZE = 2;
const EMPTY_SIZE = 2;
/** A quote or bracket at either end. */
const LONGEST_TEXT = MAX_REQUEST_SIZE_BYTES - 2;
const ROOT_FIELDS: Record<string, CelSchema> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } },
};

const FORMATTED: Readonly<Record<string, CelType>> = {
  duration: { kind: 'duration', minSize: 3, maxElements: 32 },
  date: { kind: 'timestamp', minSize: 12, maxElements: 12 },
  'date-time': { kind: 'timestamp', minSize: 21, maxElements: 32 },
};

/** Where a schema stands: whether its object has type and metadata, and the name of its type. */
interface Place {
  readonly root: boolean;
  readonly path: string;
}

function placeOf(schema: CelSchema, path: string): Place {
  return { root: schema.embeddedResource === true, path };
}

class SchemaTypes {
  readonly #table: SchemaTable | undefined;
  /** Types of named schemas, which may contain themselves. */
  readonly #named = new Map<string, CelType>();

  constructor(table: SchemaTable | undefined) {
    this.#table = table;
  }

  typeOf(schema: CelSchema, place: Place): CelType | undefined {
    if (schema.ref !== undefined && this.#table !== undefined) {
      return this.#referred(schema.ref, schema, place);
    }
    if (schema.intOrString === true) {
      return { kind: 'dyn', minSize: 1, maxElements: textLength(schema) };
    }
    const given = place.root ? withRootFields(schema) : schema;
    switch (given.type) {
      case 'array':
        return this.#list(given, place.path);
      case 'object':
        return given.additionalProperties === undefined
          ? this.#object(given, place.path, undefined)
          : this.#map(given, place.path);
      case 'string':
        return stringType(given);
      case 'boolean':
        return { kind: 'bool', minSize: 4 };
      case 'number':
        return { kind: 'double', minSize: 1 };
      case 'integer':
        return { kind: 'int', minSize: 1 };
      default:
        return undefined;
    }
  }

  #referred(name: string, schema: CelSchema, place: Place): CelType | undefined {
    const key = place.root ? `${name}@root` : name;
    const before = this.#named.get(key);
    if (before !== undefined) {
      return before;
    }
    const resolved = (this.#table as SchemaTable).resolve(schema) as CelSchema;
    if (resolved.type !== 'object' || resolved.additionalProperties !== undefined || resolved.intOrString === true) {
      const { ref: _ref, ...own } = resolved;
      return this.typeOf(own, place);
    }
    return this.#object(place.root ? withRootFields(resolved) : resolved, key, key);
  }

  #list(schema: CelSchema, path: string): CelType | undefined {
    const element = schema.items && this.typeOf(schema.items, placeOf(schema.items, `${path}.@idx`));
    if (element === undefined) {
      return undefined;
    }
    const maxElements = Math.max(0, schema.maxItems ?? mostItems(element.minSize ?? 1));
    const { listType, listMapKeys } = schema;
    return {
      kind: 'list',
      element,
      minSize: EMPTY_SIZE,
      maxElements,
      ...(listType === undefined ? {} : { listType }),
      ...(listMapKeys === undefined ? {} : { listMapKeys: listMapKeys.map((key) => escapeField(key) ?? key) }),
    };
  }

  #map(schema: CelSchema, path: string): CelType | undefined {
    const values = schema.additionalProperties as CelSchema;
    const value = this.typeOf(values, placeOf(values, `${path}.@elem`));
    if (value === undefined) {
      return undefined;
    }
    const most = Math.trunc((MAX_REQUEST_SIZE_BYTES - 2) / ((value.minSize ?? 1) + 6));
    // Upstream's keys have no declared length, which it counts as none.
    const key: CelType = { kind: 'string', minSize: STRING_MIN_SIZE };
    return { kind: 'map', key, value, minSize: EMPTY_SIZE, maxElements: Math.max(0, schema.maxProperties ?? most) };
  }

  #object(schema: CelSchema, path: string, key: string | undefined): ObjectType {
    const fields = new Map<string, ObjectField>();
    const type = { kind: 'object' as const, name: path, fields, minSize: EMPTY_SIZE };
    if (key !== undefined) {
      this.#named.set(key, type);
    }
    for (const [property, value] of Object.entries(schema.properties ?? {})) {
      const field = escapeField(property);
      const fieldType = this.typeOf(value, placeOf(value, `${path}.${property}`));
      if (fieldType === undefined) {
        continue;
      }
      if (field !== undefined) {
        fields.set(field, field === property ? { type: fieldType } : { type: fieldType, property });
      }
      if (schema.required?.includes(property) === true && value.default === undefined) {
        type.minSize += property.length + (fieldType.minSize ?? 1) + 4;
      }
    }
    return type;
  }
}

function withRootFields(schema: CelSchema): CelSchema {
  return { ...schema, type: 'object', properties: { ...schema.properties, ...ROOT_FIELDS } };
}

function stringType(schema: CelSchema): CelType {
  if (schema.format === 'byte') {
    return { kind: 'bytes', minSize: STRING_MIN_SIZE, maxElements: Math.max(0, schema.maxLength ?? LONGEST_TEXT) };
  }
  const formatted = FORMATTED[schema.format ?? ''];
  return formatted ?? { kind: 'string', minSize: STRING_MIN_SIZE, maxElements: textLength(schema) };
}

/** In bytes: up to four for each of the characters that a schema counts. */
function textLength(schema: CelSchema): number {
  if (schema.maxLength !== undefined) {
    return Math.max(0, schema.maxLength) * 4;
  }
  const texts = (schema.enum ?? []).filter((value) => typeof value === 'string');
  if (schema.intOrString !== true && (schema.enum?.length ?? 0) > 0) {
    return texts.reduce((longest, text) => Math.max(longest, new TextEncoder().encode(text).length), 0);
  }
  return LONGEST_TEXT;
}

/** Items of a size that fit into a request. */
export function mostItems(minSize: number): number {
  return Math.trunc((MAX_REQUEST_SIZE_BYTES - 2) / (minSize + 1));
}

const RESERVED = new Set([
  'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import',
  'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while',
]); // prettier-ignore

const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** A property's name as a field of expressions; undefined: it has none (`k8s.io/apiserver/pkg/cel/escaping.go`). */
export function escapeField(property: string): string | undefined {
  if (RESERVED.has(property)) {
    return `__${property}__`;
  }
  const escaped = property.replaceAll(/__|[.\-/]/g, (found) => ESCAPES[found] ?? found);
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(escaped) ? escaped : undefined;
}
