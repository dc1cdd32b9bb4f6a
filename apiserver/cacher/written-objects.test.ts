import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { CachedObject } from './cached-object.ts';
import { decodeFromStorage, encodeForStorage } from './codec.ts';
import { keepWritten, takeWritten } from './written-objects.ts';

const objectOf = (rest: object = {}, metadata: object = {}): ApiObject =>
  ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', ...metadata }, ...rest }) as ApiObject;

function written(object: ApiObject): Uint8Array {
  const value = encodeForStorage(object);
  keepWritten(value, object);
  return value;
}

describe('takeWritten()', () => {
  it('gives the object itself, frozen and at its version, and once', () => {
    const object = objectOf({ data: { list: [{ a: 1 }] } }, { resourceVersion: '3' });
    const value = written(object);
    const taken = takeWritten(value, '7');
    expect(taken).toBe(object);
    expect(taken).toEqual(decodeFromStorage(value, 7));
    expect(Object.isFrozen((object as unknown as { data: { list: object[] } }).data.list[0])).toBe(true);
    expect(takeWritten(value, '7')).toBeUndefined();
  });

  it('gives what decoding gives, or nothing', () => {
    const json = fc.jsonValue();
    const odd = fc.oneof(json, fc.constantFrom(undefined, -0, NaN, Infinity, new Date(0), new Map()));
    const nested = fc.oneof(odd, fc.array(odd), fc.dictionary(fc.string(), odd));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), nested), (data) => {
        const object = objectOf({ data });
        const value = written(object);
        const taken = takeWritten(value, '7');
        if (taken === undefined) return;
        expect(taken).toStrictEqual(decodeFromStorage(value, 7));
      }),
    );
  });

  it.each([undefined, -0, NaN, new Date(0)])('leaves an object with %p to be decoded', (odd) => {
    expect(takeWritten(written(objectOf({ data: { odd } })), '7')).toBeUndefined();
  });

  it('shares the fields of managers with objects that were decoded', () => {
    const entry = (): object => ({
      manager: 'm',
      operation: 'Update',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} } },
    });
    const decoded = decodeFromStorage(encodeForStorage(objectOf({}, { managedFields: [entry()] })), 1);
    const taken = takeWritten(written(objectOf({}, { managedFields: [entry()] })), '2');
    expect(taken!.metadata.managedFields![0]!.fieldsV1).toBe(decoded.metadata.managedFields![0]!.fieldsV1);
  });

  it('forgets the oldest, and keeps no large ones', () => {
    const first = written(objectOf());
    const large = written(objectOf({ data: 'x'.repeat(100_000) }));
    expect(takeWritten(large, '1')).toBeUndefined();
    for (let i = 0; i < 300; i++) written(objectOf({ data: i }));
    expect(takeWritten(first, '1')).toBeUndefined();
  });

  it('is what the cache shows of bytes that were just written, at each revision on its own', () => {
    const object = objectOf({ data: {} });
    const value = written(object);
    const [one, other] = [new CachedObject('/k', value, 5), new CachedObject('/k', value, 6)];
    expect(one.object()).toBe(object);
    expect(other.object().metadata.resourceVersion).toBe('6');
    expect(one.object().metadata.resourceVersion).toBe('5');
  });
});
