/**
 * Validation problems with their field paths, worded as Kubernetes words them
 * (apimachinery `util/validation/field/errors.go`, `Error.ErrorBody`).
 */
export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

export interface FieldError {
  type: FieldErrorType;
  /** Dotted path: `spec.containers[0].name`, `metadata.labels[a/b]`. */
  field: string;
  /** Without the field: `Invalid value: "X": must be …`, `Required value`. */
  message: string;
}

/** A path into an object; every step gives a new path. */
export class FieldPath {
  readonly #text: string;
  constructor(text = '') {
    this.#text = text;
  }
  child(...names: string[]): FieldPath {
    let text = this.#text;
    for (const name of names) text = text === '' ? name : `${text}.${name}`;
    return new FieldPath(text);
  }
  index(position: number): FieldPath {
    return new FieldPath(`${this.#text}[${position}]`);
  }
  key(key: string): FieldPath {
    return new FieldPath(`${this.#text}[${key}]`);
  }
  toString(): string {
    return this.#text === '' ? '<nil>' : this.#text;
  }
}

export function fieldPath(...names: string[]): FieldPath {
  return new FieldPath().child(...names);
}

/**
 * A value as these messages print it: strings as Go's `%q`, numbers and booleans plain, everything else as Go's JSON.
 * Fields stand in the order in which the value has them; `sortedMap` is for maps.
 */
function show(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'object') return goJson(value);
  return String(value as number | boolean);
}

/** `strconv.Quote` */
function quote(text: string): string {
  // eslint-disable-next-line no-control-regex
  if (!/[\x00-\x1f\x7f\u0080-\u009f\ufeff\ufffd]/.test(text)) return JSON.stringify(text);
  let quoted = '';
  for (const character of text) quoted += ESCAPES[character] ?? escapeUnprintable(character);
  return `"${quoted}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function escapeUnprintable(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  const isUnprintable = (code >= 0x80 && code < 0xa0) || code === 0xfeff;
  return isUnprintable ? `\\u${code.toString(16).padStart(4, '0')}` : character;
}

/** `encoding/json` also escapes what HTML would take for markup. Keys stay in their order. */
export function goJson(value: object): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A map in the order in which Go prints it. */
export function sortedMap(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const withDetail = (head: string, detail: string): string => (detail === '' ? head : `${head}: ${detail}`);

export function invalid(path: FieldPath, value: unknown, detail: string): FieldError {
  return {
    type: 'FieldValueInvalid',
    field: path.toString(),
    message: withDetail(`Invalid value: ${show(value)}`, detail),
  };
}
/** Of a value that the message leaves out (`field.OmitValueType`). */
export function invalidUnshown(path: FieldPath, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field: path.toString(), message: withDetail('Invalid value', detail) };
}
export function typeInvalid(path: FieldPath, value: unknown, detail: string): FieldError {
  return {
    type: 'FieldValueTypeInvalid',
    field: path.toString(),
    message: withDetail(`Invalid value: ${show(value)}`, detail),
  };
}
export function required(path: FieldPath, detail = ''): FieldError {
  return { type: 'FieldValueRequired', field: path.toString(), message: withDetail('Required value', detail) };
}
export function duplicate(path: FieldPath, value: unknown): FieldError {
  return { type: 'FieldValueDuplicate', field: path.toString(), message: `Duplicate value: ${show(value)}` };
}
export function notFoundValue(path: FieldPath, value: unknown): FieldError {
  return { type: 'FieldValueNotFound', field: path.toString(), message: `Not found: ${show(value)}` };
}
/** `supported` is listed in the order given. */
export function notSupported(path: FieldPath, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map(quote).join(', ');
  return {
    type: 'FieldValueNotSupported',
    field: path.toString(),
    message: withDetail(`Unsupported value: ${show(value)}`, supported.length > 0 ? `supported values: ${list}` : ''),
  };
}
export function forbidden(path: FieldPath, detail: string): FieldError {
  return { type: 'FieldValueForbidden', field: path.toString(), message: withDetail('Forbidden', detail) };
}
/** `maxLength` in bytes. */
export function tooLong(path: FieldPath, maxLength: number): FieldError {
  const unit = maxLength === 1 ? 'byte' : 'bytes';
  return {
    type: 'FieldValueTooLong',
    field: path.toString(),
    message: `Too long: may not be more than ${maxLength} ${unit}`,
  };
}
export function tooMany(path: FieldPath, actual: number, max: number): FieldError {
  return {
    type: 'FieldValueTooMany',
    field: path.toString(),
    message: `Too many: ${actual}: must have at most ${max} ${max === 1 ? 'item' : 'items'}`,
  };
}
export function internalError(path: FieldPath, detail: string): FieldError {
  return { type: 'InternalError', field: path.toString(), message: `Internal error: ${detail}` };
}

/** `spec.replicas: Invalid value: -1: must be …` */
export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${error.message}`;
}
