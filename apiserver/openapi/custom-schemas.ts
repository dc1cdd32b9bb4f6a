/**
 * A custom kind's JSON schema as OpenAPI shows it: whole in version 3; in version 2, which knows less, only what old
 * clients can take (apiextensions `controller/openapi/{builder,v2}`).
 */

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The properties and the rest of the root; `apiVersion`, `kind` and `metadata` are the caller's. */
export function publishedSchema(schema: object, version: 2 | 3): { properties: Json; rest: Json } {
  const whole = version === 3 ? (schema as Json) : forVersion2(schema as Json);
  const { properties, ...rest } = whole;
  return { properties: isObject(properties) ? properties : {}, rest };
}

/** Keywords of version 3, and those that old kubectls would refuse objects by. */
const UNKNOWN_TO_VERSION_2 = ['oneOf', 'anyOf', 'allOf', 'not', 'nullable', 'default'];

function forVersion2(schema: Json): Json {
  const isNullable = schema['nullable'] === true;
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const written: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if (UNKNOWN_TO_VERSION_2.includes(key)) continue;
    // Old clients refuse null for anything that has a type, and fields that are not named.
    if ((isNullable || keepsUnknown) && ['type', 'items', 'properties', 'required'].includes(key)) continue;
    written[key] = schemasIn(key, value);
  }
  return written;
}

function schemasIn(key: string, value: unknown): unknown {
  if (key === 'properties' && isObject(value))
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, forVersion2(field as Json)]));
  return (key === 'items' || key === 'additionalProperties') && isObject(value) ? forVersion2(value) : value;
}
