import { expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { csiStorageCapacities } from './csi-storage-capacity.ts';

const { errors, updateErrors, warnings, cells } = kindUnderTest(csiStorageCapacities);
const good = { storageClassName: 'fast', capacity: '1Gi', nodeTopology: { matchLabels: { zone: 'a' } } };

it('checks class, topology and capacity', () => {
  expect(errors(good)).toEqual([]);
  expect(errors({ ...good, capacity: '-1' })).toEqual([
    'capacity: Invalid value: "-1": must be greater than or equal to 0',
  ]);
  expect(errors({ ...good, storageClassName: 'A' })).toEqual([
    expect.stringContaining('storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain'),
  ]);
  expect(errors({ ...good, nodeTopology: { matchExpressions: [{ key: 'a', operator: 'Is' }] } })).toEqual([
    'nodeTopology.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
  ]);
});

it('changes only in its amounts', () => {
  expect(updateErrors({ ...good, capacity: '2Gi' }, good)).toEqual([]);
  expect(updateErrors({ storageClassName: 'slow' }, good)).toEqual([
    'nodeTopology: Invalid value: null: field is immutable',
    'storageClassName: Invalid value: "slow": field is immutable',
  ]);
});

it('warns of old labels', () => {
  const nodeTopology = { matchLabels: { 'beta.kubernetes.io/os': 'linux' } };
  expect(warnings({ ...good, nodeTopology })).toEqual([
    'nodeTopology.matchLabels[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
  ]);
});

it('shows how much there is', () => {
  expect(cells(good)).toMatchObject({ StorageClassName: 'fast', Capacity: '1Gi' });
  expect(cells({ storageClassName: 'x' })['Capacity']).toBe('<unset>');
});
