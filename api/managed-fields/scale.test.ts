import { describe, expect, it } from '@jest/globals';
import type { ManagedFieldsEntry } from '../machinery/meta.ts';
import { entriesAfterScale, scaleEntries } from './scale.ts';

const kind = { apiVersion: 'apps/v1', replicasPath: '.spec.replicas' };
const replicas = { 'f:spec': { 'f:replicas': {} } };
const both = { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } };
const entry = (manager: string, fieldsV1: object, rest: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({
  manager,
  operation: 'Apply',
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  fieldsV1: fieldsV1 as Record<string, unknown>,
  ...rest,
});

describe('ownership of replicas', () => {
  it('is all that a scale has', () => {
    const entries = [entry('a', both), entry('b', { 'f:spec': { 'f:selector': {} } }), entry('c', replicas)];
    expect(scaleEntries(entries, kind)).toEqual([
      entry('a', replicas, { apiVersion: 'autoscaling/v1' }),
      entry('c', replicas, { apiVersion: 'autoscaling/v1' }),
    ]);
  });

  it('goes to who scaled, and leaves the rest', () => {
    const entries = [entry('a', both, { operation: 'Update', time: '2024-01-01T00:00:00Z' }), entry('c', replicas)];
    const scaled = [entry('s', replicas, { apiVersion: 'autoscaling/v1', subresource: 'scale', operation: 'Update' })];
    expect(entriesAfterScale(entries, scaled, kind)).toEqual([
      entry('s', replicas, { operation: 'Update', subresource: 'scale' }),
      entry('a', { 'f:spec': { 'f:selector': {} } }, { operation: 'Update', time: '2024-01-01T00:00:00Z' }),
    ]);
  });

  it('stays where it was when nobody took it', () => {
    const entries = [entry('a', both), entry('u', both, { operation: 'Update' })];
    expect(entriesAfterScale(entries, scaleEntries(entries, kind), kind)).toEqual(entries);
  });

  it('drops versions that are none', () => {
    const isVersion = (apiVersion: string): boolean => apiVersion === 'apps/v1';
    const entries = [entry('a', both, { apiVersion: 'apps/v0' }), entry('b', both)];
    expect(entriesAfterScale(entries, [entry('b', replicas)], { ...kind, isVersion })).toEqual([entry('b', both)]);
  });
});
