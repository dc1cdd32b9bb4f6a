/**
 * Formats that mean nothing to the server are kept, and warned of (upstream: apiextensions-apiserver
 * `pkg/registry/customresourcedefinition/strategy.go`, `pkg/apiserver/validation/formats.go`).
 */
import { someVersionSchema } from './schema-walk.ts';
import type { CustomResourceDefinition, JsonSchemaProps } from './types.ts';

/** Dashes do not count. */
const STRING_FORMATS: ReadonlySet<string> = new Set(
  `bsonobjectid uri email hostname ipv4 ipv6 cidr mac uuid uuid3 uuid4 uuid5 isbn isbn10 isbn13 creditcard ssn hexcolor
  rgbcolor byte password date duration datetime quantity k8sshortname k8slongname`.split(/\s+/),
);
const FORMATS_BY_TYPE: Readonly<Record<string, ReadonlySet<string>>> = {
  integer: new Set(['int32', 'int64']),
  number: new Set(['float', 'double']),
};

function isRecognized({ type, format = '' }: JsonSchemaProps): boolean {
  if (!type || type === 'string') return STRING_FORMATS.has(format.replaceAll('-', ''));
  return Object.hasOwn(FORMATS_BY_TYPE, type) && FORMATS_BY_TYPE[type]!.has(format);
}

/** Each once, in the order in which they stand. */
function unrecognizedFormats({ spec }: CustomResourceDefinition): Set<string> {
  const formats = new Set<string>();
  someVersionSchema(spec, (schema) => {
    if (schema.format && !isRecognized(schema)) formats.add(schema.format);
    return false;
  });
  return formats;
}

/** Only of formats that an update brings. */
export function warnOfFormats(
  next: CustomResourceDefinition,
  previous: CustomResourceDefinition | undefined,
): string[] {
  const known = previous === undefined ? new Set() : unrecognizedFormats(previous);
  return [...unrecognizedFormats(next)]
    .filter((format) => !known.has(format))
    .map((format) => `unrecognized format ${JSON.stringify(format)}`);
}
