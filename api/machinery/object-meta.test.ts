import { describe, expect, it } from '@jest/globals';
import { fieldPath, formatFieldError } from './field-error.ts';
import type { ObjectMeta } from './meta.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';

const path = fieldPath('metadata');

function create(meta: ObjectMeta, requiresNamespace = true): string[] {
  return validateObjectMeta(meta, { requiresNamespace, qualifiesFinalizers: true, path }).map(formatFieldError);
}

const stored: ObjectMeta = {
  name: 'a',
  namespace: 'default',
  uid: 'u',
  resourceVersion: '1',
  generation: 2,
  creationTimestamp: '2026-01-01T00:00:00Z',
};

function update(next: ObjectMeta, previous: ObjectMeta = stored): string[] {
  return validateObjectMetaUpdate({ ...previous, ...next }, previous, { qualifiesFinalizers: true, path }).map(
    formatFieldError,
  );
}

describe('validateObjectMeta()', () => {
  it('passes what is right', () => {
    expect(create({ name: 'a.b', namespace: 'default', labels: { a: 'b' } })).toEqual([]);
    expect(create({ name: 'a' }, false)).toEqual([]);
  });

  it('wants a name, and a namespace where the kind has one', () => {
    expect(create({})).toEqual([
      'metadata.name: Required value: name or generateName is required',
      'metadata.namespace: Required value',
    ]);
    expect(create({ name: 'a', namespace: 'x' }, false)).toEqual([
      'metadata.namespace: Forbidden: not allowed on this type',
    ]);
  });

  it('checks generateName as a prefix', () => {
    expect(create({ name: 'web-x', generateName: 'web-', namespace: 'default' })).toEqual([]);
    expect(create({ name: 'web-x', generateName: 'Web-', namespace: 'default' })[0]).toMatch(
      /^metadata\.generateName: Invalid value/,
    );
  });

  it('lets one owner be the controller', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: '1', controller: true };
    const errors = create({ name: 'a', namespace: 'd', ownerReferences: [owner, { ...owner, name: 's' }] });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(
      'Only one reference can have Controller set to true. Found "true" in references for ReplicaSet/r and ReplicaSet/s',
    );
  });

  it('checks owners, finalizers and managed fields', () => {
    const meta = {
      name: 'a',
      namespace: 'd',
      ownerReferences: [{ apiVersion: '', kind: '', name: '', uid: '' }],
      finalizers: ['orphan', 'foregroundDeletion'],
      managedFields: [{ manager: 'm'.repeat(129), fieldsType: 'X' }],
    };
    expect(create(meta as unknown as ObjectMeta)).toEqual([
      'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
      'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
      'metadata.ownerReferences.name: Invalid value: "": must not be empty',
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
      'metadata.managedFields[0].operation: Invalid value: "": must be `Apply` or `Update`',
      'metadata.managedFields[0].fieldsType: Invalid value: "X": must be `FieldsV1`',
      'metadata.managedFields[0].manager: Too long: may not be more than 128 bytes',
    ]);
  });
});

describe('validateObjectMetaUpdate()', () => {
  it('lets labels, annotations and generation change', () => {
    expect(update({ labels: { a: 'b' }, annotations: { c: 'd' }, generation: 3 })).toEqual([]);
  });

  it('keeps identity and times', () => {
    expect(update({ name: 'b', uid: 'v', creationTimestamp: '2027-01-01T00:00:00Z' })).toEqual([
      'metadata.name: Invalid value: "b": field is immutable',
      'metadata.uid: Invalid value: "v": field is immutable',
      'metadata.creationTimestamp: Invalid value: "2027-01-01T00:00:00Z": field is immutable',
    ]);
    expect(update({ generation: 1, resourceVersion: '' })).toEqual([
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
      'metadata.generation: Invalid value: 1: must not be decremented',
    ]);
  });

  it('wants a domain in finalizers that are not the system’s own', () => {
    const finalizers = ['kubernetes', 'orphan', 'mine', 'a.b/c'];
    const problem =
      'metadata.finalizers[2]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified';
    expect(create({ name: 'a', namespace: 'd', finalizers })).toEqual([problem]);
    expect(update({ finalizers })).toEqual([problem]);
    const rules = { requiresNamespace: true, path };
    expect(validateObjectMeta({ name: 'a', namespace: 'd', finalizers }, rules)).toEqual([]);
  });

  it('takes no new finalizers once the object is being deleted', () => {
    const deleting = { ...stored, deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: ['a.b/c', 'a.b/d'] };
    expect(update({ finalizers: ['a.b/c'] }, deleting)).toEqual([]);
    expect(update({ finalizers: ['a.b/c', 'x.y/z'] }, deleting)).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.y/z"}',
    ]);
  });
});
