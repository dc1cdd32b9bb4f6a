/** The encodings beside compact JSON, for people: indented JSON and YAML. */
import { stringify } from 'yaml';

export function encodePretty(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

export function encodeYaml(value: unknown): Uint8Array {
  return Buffer.from(stringify(value, { version: '1.1', lineWidth: 0 }));
}
