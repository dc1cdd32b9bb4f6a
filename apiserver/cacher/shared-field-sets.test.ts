import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { parseSharingFieldSets } from './shared-field-sets.ts';

const entry = (fieldsV1: object) => ({
  manager: 'm',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1,
});
const text = (name: string, fieldsV1: object, rest: object = {}): string =>
  JSON.stringify({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name, managedFields: [entry(fieldsV1)] },
    ...rest,
  });
const setOf = (one: ApiObject): unknown => one.metadata.managedFields![0]!.fieldsV1;
const FIELDS = { 'f:data': { '.': {}, 'f:a': {}, 'k:{"type":"x}\\\\"}': { 'f:b': {} } } };

describe('parseSharingFieldSets()', () => {
  it('gives objects with the same fields one frozen set', () => {
    const [a, b] = [text('a', FIELDS), text('b', FIELDS)].map(parseSharingFieldSets);
    expect(setOf(a!)).toEqual(FIELDS);
    expect(setOf(a!)).toBe(setOf(b!));
    expect(Object.isFrozen((setOf(a!) as typeof FIELDS)['f:data'])).toBe(true);
    a!.metadata.managedFields![0]!.manager = 'other';
    expect(b!.metadata.managedFields![0]!.manager).toBe('m');
  });

  it('remembers no long ones, of which a client may send any number', () => {
    const long = { 'f:data': Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f:key-${i}`, {}])) };
    const [a, b] = [text('a', long), text('b', long)].map(parseSharingFieldSets);
    expect(setOf(a!)).toEqual(setOf(b!));
    expect(setOf(a!)).not.toBe(setOf(b!));
  });

  it.each([
    ['no managedFields', '{"metadata":{"name":"a"}}'],
    ['a field of that name elsewhere', text('a', FIELDS, { spec: { fieldsV1: { a: 1 } } })],
    ['the whole list elsewhere', JSON.stringify({ metadata: {}, spec: { managedFields: [entry(FIELDS)] } })],
    ['quotes and braces in strings', text('a', FIELDS, { data: { a: '"fieldsV1":{"}{\\"', b: '\\' } })],
    ['an entry without it', JSON.stringify({ metadata: { managedFields: [{ manager: 'a' }, entry({})] } })],
    ['null', JSON.stringify({ metadata: { managedFields: [{ fieldsV1: null }, entry(FIELDS)] } })],
  ])('parses as JSON.parse does: %s', (_what, one) => {
    expect(parseSharingFieldSets(one)).toEqual(JSON.parse(one));
  });

  it('parses as JSON.parse does, whatever is in it', () => {
    const key = fc.oneof(fc.constantFrom('fieldsV1', 'managedFields', '"', '\\', '{', 'f:a', '__proto__'), fc.string());
    const json = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, fc.string(), key, fc.constant(null), tie('list'), tie('object')),
      list: fc.array(tie('value'), { maxLength: 3 }),
      object: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    }));
    const managed = fc.array(fc.record({ manager: fc.string(), fieldsV1: json.object }, { requiredKeys: [] }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(managed, json.object, (managedFields, spec) => {
        const one = JSON.stringify({ kind: 'A', metadata: { name: 'a', managedFields }, spec });
        expect(JSON.stringify(parseSharingFieldSets(one))).toBe(one);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['{"metadata":{"managedFields":[{"fieldsV1":{', '{"metadata":{"managedFields":[{"fieldsV1":{"a', ''])(
    'refuses damaged text: %j',
    (damaged) => {
      expect(() => parseSharingFieldSets(damaged)).toThrow(SyntaxError);
    },
  );
});
