import { expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { csiNodes } from './csi-node.ts';

const { errors, updateErrors, cells } = kindUnderTest(csiNodes);
const driver = { name: 'csi.example.com', nodeID: 'n1', topologyKeys: ['zone'] };
const node = (...drivers: object[]) => ({ spec: { drivers } });

it('accepts drivers and none', () => {
  expect(errors({})).toEqual([]);
  expect(errors(node(driver, { name: 'other', nodeID: 'x', allocatable: { count: 0 } }))).toEqual([]);
  expect(cells(node(driver))['Drivers']).toBe(1);
});

it.each([
  [node({ nodeID: 'n' }), ['spec.drivers[0].name: Required value']],
  [node({ name: 'd' }), ['spec.drivers[0].nodeID: Required value']],
  [node({ name: 'd', nodeID: 'n'.repeat(257) }), [expect.stringContaining('must be 256 characters or less')]],
  [
    node({ name: 'd', nodeID: 'n', allocatable: { count: -1 } }),
    ['spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0'],
  ],
  [node(driver, driver), ['spec.drivers[1].name: Duplicate value: "csi.example.com"']],
  [node({ ...driver, topologyKeys: ['zone', 'zone'] }), ['spec.drivers[0]: Duplicate value: "zone"']],
])('refuses %j', (content, expected) => {
  expect(errors(content)).toEqual(expected);
});

it('lets drivers come, go and hold more, but not change', () => {
  expect(updateErrors(node({ ...driver, allocatable: { count: 3 } }), node(driver))).toEqual([]);
  expect(updateErrors(node(), node(driver))).toEqual([]);
  expect(updateErrors(node({ ...driver, nodeID: 'n2' }), node(driver))).toEqual([
    expect.stringMatching(/^spec\.drivers: Invalid value: .*: field is immutable$/),
  ]);
});
