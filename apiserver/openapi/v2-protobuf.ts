/**
 * The OpenAPI 2.0 document in protobuf, the form that kubectl asks for when it checks a `List` or explains from version 2
 * (field numbers: gnostic's `openapiv2/OpenAPIv2.proto`). Clients read its definitions only: paths are left out.
 */
interface SchemaV2 {
  $ref?: string;
  format?: string;
  description?: string;
  default?: unknown;
  required?: readonly string[];
  additionalProperties?: SchemaV2;
  type?: string;
  items?: SchemaV2;
  properties?: Record<string, SchemaV2>;
  [extension: `x-${string}`]: unknown;
}

export interface DocumentV2 {
  swagger: string;
  info: { title: string; version: string };
  definitions: Record<string, SchemaV2>;
}

type Part = Buffer;

export function encodeOpenApiV2({ swagger, info, definitions }: DocumentV2): Buffer {
  return Buffer.concat([
    text(1, swagger),
    message(2, [text(1, info.title), text(2, info.version)]),
    message(9, namedSchemas(definitions)),
  ]);
}

function namedSchemas(schemas: Record<string, SchemaV2>): Part[] {
  return Object.entries(schemas).map(([name, schema]) => message(1, [text(1, name), message(2, schemaParts(schema))]));
}

function schemaParts(schema: SchemaV2): Part[] {
  const { $ref, format, description, required = [], additionalProperties, type, items, properties } = schema;
  const parts = [
    ...($ref === undefined ? [] : [text(1, $ref)]),
    ...(format === undefined ? [] : [text(2, format)]),
    ...(description === undefined ? [] : [text(4, description)]),
    ...(schema.default === undefined ? [] : [message(5, anyValue(schema.default))]),
    ...required.map((name) => text(19, name)),
  ];
  if (additionalProperties !== undefined) parts.push(message(21, [message(1, schemaParts(additionalProperties))]));
  if (type !== undefined) parts.push(message(22, [text(1, type)]));
  if (items !== undefined) parts.push(message(23, [message(1, schemaParts(items))]));
  if (properties !== undefined) parts.push(message(25, namedSchemas(properties)));
  for (const [name, value] of Object.entries(schema)) {
    if (name.startsWith('x-')) parts.push(message(31, [text(1, name), message(2, anyValue(value))]));
  }
  return parts;
}

/** As YAML, of which JSON is a part. */
function anyValue(value: unknown): Part[] {
  return [text(2, JSON.stringify(value))];
}

const LENGTH_DELIMITED = 2;

function text(field: number, value: string): Part {
  return delimited(field, Buffer.from(value));
}

function message(field: number, parts: readonly Part[]): Part {
  return delimited(field, Buffer.concat(parts));
}

function delimited(field: number, bytes: Buffer): Part {
  return Buffer.concat([varint((field << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
