import { describe, expect, it } from '@jest/globals';
import { invalidObject } from './errors.ts';
import * as fieldErrors from './field-error.ts';

const path = fieldErrors.fieldPath('spec', 'x');
const valueOf = (value: unknown): string => fieldErrors.invalid(path, value, '').message.replace('Invalid value: ', '');

describe('values in messages', () => {
  it.each([
    ['a string', 'a "b" \\', String.raw`"a \"b\" \\"`],
    ['a string with control characters', '\x00\x07\v\n\x7f\u0085\ufeff', String.raw`"\x00\a\v\n\x7f\u0085\ufeff"`],
    ['a string with markup', '<é世>', '"<é世>"'],
    ['a number', -1, '-1'],
    ['a boolean', false, 'false'],
    ['nothing', undefined, 'null'],
    ['a list', ['b', 'a'], '["b","a"]'],
    ['a map', fieldErrors.sortedMap({ b: '1', a: '2' }), '{"a":"2","b":"1"}'],
    ['a struct', { matchLabels: { a: '2' }, key: 'x' }, '{"matchLabels":{"a":"2"},"key":"x"}'],
    ['a struct with markup', { a: '<&>\u2028', n: 1 }, String.raw`{"a":"\u003c\u0026\u003e\u2028","n":1}`],
  ])('are printed as Go prints them: %s', (_what, value, text) => {
    expect(valueOf(value)).toBe(text);
  });

  it('keeps a key that is called __proto__', () => {
    expect(valueOf(JSON.parse('{"__proto__":"x","a":"b"}'))).toBe('{"__proto__":"x","a":"b"}');
  });
});

describe('kinds of errors', () => {
  it.each([
    [fieldErrors.required(path), 'spec.x: Required value'],
    [fieldErrors.required(path, 'why'), 'spec.x: Required value: why'],
    [fieldErrors.forbidden(path, 'why'), 'spec.x: Forbidden: why'],
    [fieldErrors.duplicate(path.index(1), 'a'), 'spec.x[1]: Duplicate value: "a"'],
    [fieldErrors.notFoundValue(path.key('k'), 'a'), 'spec.x[k]: Not found: "a"'],
    [fieldErrors.notSupported(path, 'c', ['b', 'a']), 'spec.x: Unsupported value: "c": supported values: "b", "a"'],
    [fieldErrors.notSupported(path, 'c', []), 'spec.x: Unsupported value: "c"'],
    [fieldErrors.tooLong(path, 1), 'spec.x: Too long: may not be more than 1 byte'],
    [fieldErrors.tooLong(path, 2), 'spec.x: Too long: may not be more than 2 bytes'],
    [fieldErrors.tooMany(path, 3, 1), 'spec.x: Too many: 3: must have at most 1 item'],
    [fieldErrors.tooMany(path, 3, 2), 'spec.x: Too many: 3: must have at most 2 items'],
    [fieldErrors.internalError(path, 'why'), 'spec.x: Internal error: why'],
  ])('%#', (error, text) => {
    expect(fieldErrors.formatFieldError(error)).toBe(text);
  });

  it('stand in a list when there are several, each once', () => {
    const [a, b] = [fieldErrors.required(path), fieldErrors.forbidden(path, 'no')];
    const message = (group: string, errors: fieldErrors.FieldError[]): string | undefined =>
      invalidObject({ group, kind: 'Deployment' }, 'web', errors).status.message;
    expect(message('apps', [a])).toBe('Deployment.apps "web" is invalid: spec.x: Required value');
    expect(message('', [a, b, a])).toBe('Deployment "web" is invalid: [spec.x: Required value, spec.x: Forbidden: no]');
  });
});
