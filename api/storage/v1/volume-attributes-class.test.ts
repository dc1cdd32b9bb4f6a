import { expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { volumeAttributesClasses } from './volume-attributes-class.ts';

const { errors, updateErrors, cells } = kindUnderTest(volumeAttributesClasses);
const good = { driverName: 'csi.example.com', parameters: { iops: '100' } };

it('needs a driver and a parameter', () => {
  expect(errors(good)).toEqual([]);
  expect(errors({})).toEqual([
    'driverName: Required value',
    'parameters: Required value: must contain at least one key/value pair',
  ]);
});

it('never changes', () => {
  expect(updateErrors(good, good)).toEqual([]);
  expect(updateErrors({ driverName: 'x', parameters: { iops: '200' } }, good)).toEqual([
    'driverName: Forbidden: updates to driverName are forbidden.',
    'parameters: Forbidden: updates to parameters are forbidden.',
  ]);
});

it('shows its driver', () => {
  expect(cells(good)['DriverName']).toBe('csi.example.com');
});
