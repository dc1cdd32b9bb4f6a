/** The words for what a custom object's schema refuses (kube-openapi `pkg/validation/errors`). */
import type { FieldError } from '../../machinery/field-error.ts';
import {
  FieldPath,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from '../../machinery/field-error.ts';

const at = (path: string): FieldPath => new FieldPath(path);

/** The whole object has no name, and upstream's words then begin with `in body`. */
const inBody = (path: string): string => (path === '' ? ' in body' : `${path} in body`);

export function wrongType(path: string, wanted: string, found: string): FieldError {
  return typeInvalid(at(path), found, `${inBody(path)} must be of type ${wanted}: ${JSON.stringify(found)}`);
}

export function wrongFormat(path: string, format: string, value: string): FieldError {
  return typeInvalid(at(path), value, `${inBody(path)} must be of type ${format}: ${JSON.stringify(value)}`);
}

export function notInEnum(path: string, value: unknown, allowed: readonly unknown[]): FieldError {
  const texts = allowed.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
  return notSupported(at(path), value, texts);
}

export function missing(path: string): FieldError {
  return required(at(path));
}

export function tooShort(path: string, value: string, minimum: number): FieldError {
  return invalid(at(path), value, `${inBody(path)} should be at least ${minimum} chars long`);
}

export function tooLongText(path: string, maximum: number): FieldError {
  return tooLong(at(path), maximum);
}

export function noMatch(path: string, value: string, pattern: string): FieldError {
  return invalid(at(path), value, `${inBody(path)} should match '${pattern}'`);
}

export function tooFewItems(path: string, list: readonly unknown[], minimum: number): FieldError {
  return invalid(at(path), list.length, `${inBody(path)} should have at least ${minimum} items`);
}

export function tooManyItems(path: string, count: number, maximum: number): FieldError {
  return tooMany(at(path), count, maximum);
}

export function tooFewProperties(path: string, object: object, minimum: number): FieldError {
  return invalid(at(path), Object.keys(object).length, `${inBody(path)} should have at least ${minimum} properties`);
}

export function tooManyProperties(path: string, count: number, maximum: number): FieldError {
  return tooMany(at(path), count, maximum);
}

export function tooSmall(path: string, value: number, bound: { minimum: number; exclusive: boolean }): FieldError {
  const words = bound.exclusive ? 'should be greater than' : 'should be greater than or equal to';
  return invalid(at(path), value, `${inBody(path)} ${words} ${bound.minimum}`);
}

export function tooLarge(path: string, value: number, bound: { maximum: number; exclusive: boolean }): FieldError {
  const words = bound.exclusive ? 'should be less than' : 'should be less than or equal to';
  return invalid(at(path), value, `${inBody(path)} ${words} ${bound.maximum}`);
}

export function notMultiple(path: string, value: number, factor: number): FieldError {
  return invalid(at(path), value, `${inBody(path)} should be a multiple of ${factor}`);
}

/** Problems of junctors name the value in their words and not by a field. */
const ofJunctor = (words: string): FieldError => invalid(new FieldPath(), '', words);

export function noneOfAny(path: string): FieldError {
  return ofJunctor(`${JSON.stringify(path)} must validate at least one schema (anyOf)`);
}

export function notExactlyOne(path: string, valid: number): FieldError {
  const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
  return ofJunctor(`${JSON.stringify(path)} must validate one and only one schema (oneOf). ${found}`);
}

export function notAll(path: string, valid: number): FieldError {
  return ofJunctor(
    `${JSON.stringify(path)} must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`,
  );
}

export function matchesNot(path: string): FieldError {
  return ofJunctor(`${JSON.stringify(path)} must not validate the schema (not)`);
}
