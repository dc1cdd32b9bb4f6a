import { describe, expect, it } from '@jest/globals';
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import type { Schema } from '../schema/schema.ts';
import { loadSchemaTable } from '../schema/table.ts';
import type { ApplyPatch } from './apply.ts';
import { applyPatch, applyPatchLater } from './apply.ts';
import { recordUpdate, recordUpdateLater } from './managed-fields.ts';
import type { KindVersions } from './versions.ts';

const table = loadSchemaTable();
const time = '2024-01-01T00:00:00Z';

/** A kind whose `spec.size` is called `spec.replicas` in v2. */
const schemaWith = (field: string): Schema => ({
  type: 'object',
  properties: {
    spec: { type: 'object', properties: { [field]: { type: 'integer' }, note: { type: 'string' } } },
  },
});
const schemas: Record<string, Schema> = { 'x/v1': schemaWith('size'), 'x/v2': schemaWith('replicas') };

type Sized = ApiObject & { spec?: { size?: number; replicas?: number; note?: string } };

const versions: KindVersions = {
  schemaOf: (apiVersion) => schemas[apiVersion],
  convert(object, apiVersion) {
    const { spec: { size, replicas, ...rest } = {}, ...others } = object as Sized;
    const count = size ?? replicas;
    const name = apiVersion === 'x/v1' ? 'size' : 'replicas';
    return { ...others, apiVersion, spec: { ...rest, ...(count === undefined ? {} : { [name]: count }) } } as ApiObject;
  },
};
const slowly: KindVersions = {
  ...versions,
  convert: (object, apiVersion) => Promise.resolve(versions.convert(object, apiVersion)),
};

const sized = (apiVersion: string, spec: Sized['spec']): ApiObject =>
  ({ apiVersion, kind: 'Sized', metadata: { name: 'a' }, spec }) as ApiObject;
const empty = (apiVersion: string): ApiObject => ({ apiVersion, kind: 'Sized', metadata: { name: 'a' } });

function patchOf(applied: ApiObject, rest: Partial<ApplyPatch> = {}): ApplyPatch {
  const apiVersion = applied.apiVersion!;
  const basis = { live: empty(apiVersion), managedFields: [], manager: 'm', force: false, time, table, versions };
  return { ...basis, applied, apiVersion, schema: schemas[apiVersion]!, ...rest };
}

const owned = (entries: readonly ManagedFieldsEntry[]): unknown =>
  entries.map(({ manager, apiVersion, fieldsV1 }) => [manager, apiVersion, fieldsV1]);

describe('managers of several versions', () => {
  const first = applyPatch(patchOf(sized('x/v1', { size: 1, note: 'n' }), { manager: 'old' }));
  const live = versions.convert(first.object, 'x/v2') as ApiObject;

  it('conflict over a field that has another name in each', () => {
    const patch = patchOf(sized('x/v2', { replicas: 2 }), { live, managedFields: first.managedFields, manager: 'new' });
    expect(() => applyPatch(patch)).toThrow('Apply failed with 1 conflict: conflict with "old": .spec.size');
    const forced = applyPatch({ ...patch, force: true });
    expect(owned(forced.managedFields)).toEqual([
      ['new', 'x/v2', { 'f:spec': { 'f:replicas': {} } }],
      ['old', 'x/v1', { 'f:spec': { 'f:note': {} } }],
    ]);
  });

  it('are one when they apply: what was given up goes, whatever its name', () => {
    const again = patchOf(sized('x/v2', { note: 'n' }), { live, managedFields: first.managedFields, manager: 'old' });
    const result = applyPatch(again);
    expect(result.object).toMatchObject({ apiVersion: 'x/v2', spec: { note: 'n' } });
    expect(result.object).not.toHaveProperty('spec.replicas');
    expect(owned(result.managedFields)).toEqual([['old', 'x/v2', { 'f:spec': { 'f:note': {} } }]]);
  });

  it('keep what another holds under its other name', () => {
    const both = applyPatch(
      patchOf(sized('x/v2', { replicas: 1 }), { live, managedFields: first.managedFields, manager: 'new' }),
    );
    const without = patchOf(sized('x/v1', { note: 'n' }), {
      live: versions.convert(both.object, 'x/v1') as ApiObject,
      managedFields: both.managedFields,
      manager: 'old',
    });
    expect(applyPatch(without).object).toMatchObject({ spec: { size: 1, note: 'n' } });
  });

  it('lose to an update through another version, and go when theirs does not exist', () => {
    const gone: ManagedFieldsEntry = { ...first.managedFields[0]!, manager: 'ancient', apiVersion: 'x/v0' };
    const update = {
      previous: live,
      next: sized('x/v2', { replicas: 3, note: 'n' }),
      managedFields: [...first.managedFields, gone],
      manager: 'u',
      apiVersion: 'x/v2',
      schema: schemas['x/v2']!,
    };
    const entries = recordUpdate({ ...update, time, table, versions });
    expect(owned(entries)).toEqual([
      ['old', 'x/v1', { 'f:spec': { 'f:note': {} } }],
      ['u', 'x/v2', { 'f:spec': { 'f:replicas': {} } }],
    ]);
  });

  it('wait for a conversion that takes its time', async () => {
    const patch = patchOf(sized('x/v2', { replicas: 2, note: 'n' }), {
      live,
      managedFields: first.managedFields,
      manager: 'new',
      force: true,
    });
    expect(() => applyPatch({ ...patch, versions: slowly })).toThrow('has to be waited for');
    expect(await applyPatchLater({ ...patch, versions: slowly })).toEqual(applyPatch(patch));
    const { managedFields } = first;
    const next = sized('x/v2', { replicas: 9, note: 'n' });
    const update = { previous: live, next, managedFields, manager: 'u', apiVersion: 'x/v2', schema: schemas['x/v2']! };
    expect(await recordUpdateLater({ ...update, time, table, versions: slowly })).toEqual(
      recordUpdate({ ...update, time, table, versions }),
    );
  });
});
