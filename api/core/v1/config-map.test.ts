import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { configMaps } from './config-map.ts';
import type { ConfigMap } from './config-map.ts';

const { validate, validateUpdate } = configMaps.strategy;
const of = (content: Partial<ConfigMap>): ConfigMap => ({ metadata: { name: 'a', namespace: 'd' }, ...content });
const errorsOf = (content: Partial<ConfigMap>): string[] => validate!(of(content)).map(formatFieldError);

describe('configMaps', () => {
  it('takes text and binary values', () => {
    expect(errorsOf({ data: { 'a.b_c-D': 'x' }, binaryData: { e: 'AAEC' } })).toEqual([]);
    expect(errorsOf({})).toEqual([]);
  });

  it('checks keys', () => {
    expect(errorsOf({ data: { 'a/b': '' } })).toEqual([
      "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ]);
    expect(errorsOf({ data: { a: '' }, binaryData: { a: '' } })).toEqual([
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ]);
    expect(errorsOf({ binaryData: { a: '!' } })).toHaveLength(1);
  });

  it('holds 1 MiB, counted in bytes and decoded', () => {
    expect(errorsOf({ data: { a: 'x'.repeat(1048576) } })).toEqual([]);
    expect(errorsOf({ data: { a: 'ä'.repeat(524289) } })).toEqual(['[]: Too long: may not be more than 1048576 bytes']);
    const binary = Buffer.alloc(1048576).toString('base64');
    expect(errorsOf({ binaryData: { a: binary } })).toEqual([]);
    expect(errorsOf({ binaryData: { a: binary }, data: { b: 'x' } })).toHaveLength(1);
  });

  it('changes no more once it is immutable', () => {
    const previous = of({ immutable: true, data: { a: '1' } });
    expect(validateUpdate!(of({ immutable: true, data: { a: '1' } }), previous)).toEqual([]);
    expect(validateUpdate!(of({ data: { a: '2' }, binaryData: { b: '' } }), previous).map(formatFieldError)).toEqual([
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
      'binaryData: Forbidden: field is immutable when `immutable` is set',
    ]);
  });

  it('shows the number of keys and the age', () => {
    const object = of({ data: { a: '', b: '' }, binaryData: { c: '' } });
    expect(configMaps.additionalPrinterColumns.map(({ name, cell }) => [name, cell(object, 0)])).toEqual([
      ['Data', 3],
      ['Age', '<unknown>'],
    ]);
  });
});
