/** Values of `data` and `binaryData` that travel as base64 (Go's `[]byte` in JSON). */
import { invalid } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes that a base64 text holds, without decoding it. */
export function decodedLength(value: string): number {
  const text = stripLineBreaks(value);
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding);
}

/**
 * A problem when the value is not base64. The decoder refuses such values with 400 before validation sees them; this
 * keeps hostile values out where an object arrives already decoded. The value is not repeated: it may be a secret.
 */
export function base64Problem(path: FieldPath, value: string): FieldError[] {
  if (BASE64.test(stripLineBreaks(value))) return [];
  return [invalid(path, '<value>', 'illegal base64 data')];
}

/** Go's decoder skips `\r` and `\n`. */
function stripLineBreaks(value: string): string {
  return /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value;
}

export function encodeBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

export function decodeBase64(value: string): string {
  return Buffer.from(value, 'base64').toString('utf8');
}
