import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { resourceSlices } from './resource-slice.ts';
import type { ResourceSlice } from './resource-slice.ts';

const pool = { name: 'node-1', generation: 1, resourceSliceCount: 1 };
const slice = (spec: object): ResourceSlice =>
  ({ metadata: { name: 's' }, spec: { driver: 'e.com', pool, nodeName: 'node-1', ...spec } }) as ResourceSlice;
const errorsOf = (spec: object): string[] => resourceSlices.strategy.validate!(slice(spec)).map(formatFieldError);
const device = (fields: object): string[] =>
  errorsOf({ devices: [{ name: 'd', ...fields }] }).map((text) => text.replace('spec.devices[0]', 'device'));
const capacity = (requestPolicy: object, value = '10'): string[] =>
  device({ allowMultipleAllocations: true, capacity: { memory: { value, requestPolicy } } }).map((text) =>
    text.replace('device.capacity[memory].requestPolicy', 'policy'),
  );

describe('resource slices', () => {
  it('have a driver and a pool, and keep them', () => {
    expect(errorsOf({})).toEqual([]);
    expect(errorsOf({ driver: '', pool: { name: 'A', generation: -1, resourceSliceCount: 0 } })).toEqual([
      'spec.driver: Required value',
      expect.stringContaining('spec.pool.name: Invalid value: "A"'),
      'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
      'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
    ]);
    const next = slice({ driver: 'f.com', nodeName: 'node-2', pool: { ...pool, name: 'other' } });
    expect(resourceSlices.strategy.validateUpdate!(next, slice({})).map(formatFieldError)).toEqual([
      'spec.pool.name: Invalid value: "other": field is immutable',
      'spec.driver: Invalid value: "f.com": field is immutable',
      'spec.nodeName: Invalid value: "node-2": field is immutable',
    ]);
  });

  it('say in one way where the devices are', () => {
    const wanted = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
    expect(errorsOf({ nodeName: undefined })).toEqual([`spec: Required value: ${wanted}`]);
    expect(errorsOf({ allNodes: true })).toEqual([
      `spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${wanted}, but multiple fields are set`,
    ]);
    expect(errorsOf({ allNodes: false })).toEqual([
      'spec.allNodes: Invalid value: false: must be either unset or set to true',
    ]);
    const terms = [{ matchExpressions: [] }, { matchExpressions: [] }];
    expect(errorsOf({ nodeName: undefined, nodeSelector: { nodeSelectorTerms: terms } })[0]).toContain(
      'must have exactly one node selector term',
    );
    expect(errorsOf({ sharedCounters: [{ name: 'a', counters: { b: {} } }], devices: [] })).toEqual([
      'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
    ]);
  });

  it('let each device say where it is, only when told so', () => {
    expect(device({ allNodes: true })).toEqual([
      'device: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
    ]);
    const own = { nodeName: undefined, perDeviceNodeSelection: true };
    expect(errorsOf({ ...own, devices: [{ name: 'd', allNodes: true }] })).toEqual([]);
    expect(errorsOf({ ...own, devices: [{ name: 'd' }] })[0]).toContain(
      'spec.devices[0]: Required value: exactly one of',
    );
  });

  it('check names and attributes', () => {
    expect(device({ name: 'D' })[0]).toContain('device.name: Invalid value: "D"');
    expect(
      device({ attributes: { model: { string: 'x' }, 'e.com/gen': { int: 3 }, v: { version: '1.2.3-a+b' } } }),
    ).toEqual([]);
    expect(device({ attributes: { a: {}, b: { bool: true, int: 1 }, c: { version: '1.2' } } })).toEqual([
      'device.attributes[a]: Invalid value: "": exactly one value must be specified',
      'device.attributes[b]: Invalid value: {"bool":true,"int":1}: exactly one value must be specified',
      'device.attributes[c].version: Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0',
    ]);
    expect(device({ attributes: { 'a/b/c': { bool: true }, '/x': { bool: true }, 'e.com/': { bool: true } } })).toEqual(
      [
        'device.attributes: Invalid value: "a/b/c": must not contain more than one slash',
        'device.attributes: Invalid value: "": the domain must not be empty',
        'device.attributes: Invalid value: "": the name must not be empty',
      ],
    );
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, { bool: true }]));
    expect(device({ attributes: many })).toEqual([
      'device: Invalid value: 33: the total number of attributes and capacities must not exceed 32',
    ]);
  });

  it('check counters, taints and binding conditions', () => {
    expect(device({ consumesCounters: [{ counterSet: '', counters: {} }] })).toEqual([
      'device.consumesCounters[0].counterSet: Required value',
      'device.consumesCounters[0].counters: Required value',
    ]);
    expect(
      device({
        taints: [
          { key: 'a b', value: 'v', effect: 'Maybe' },
          { key: 'k', effect: '' },
        ],
      }),
    ).toEqual([
      expect.stringContaining('device.taints[0].key: Invalid value: "a b"'),
      'device.taints[0].effect: Unsupported value: "Maybe": supported values: "NoExecute", "NoSchedule", "None"',
      'device.taints[1].effect: Required value',
    ]);
    expect(device({ bindingConditions: ['a', 'a'], bindingFailureConditions: ['a'] })).toEqual([
      'device.bindingConditions[1]: Duplicate value: "a"',
      'device.bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions',
    ]);
    expect(device({ bindingConditions: ['a'] })).toEqual([
      'device.bindingFailureConditions: Invalid value: []: bindingFailureConditions are required to use bindingConditions',
    ]);
  });

  it('limit how many devices there are, and more so with what costs the scheduler', () => {
    const devices = Array.from({ length: 65 }, (_, i) => ({ name: `d${i}` }));
    expect(errorsOf({ devices })).toEqual([]);
    const tainted = [{ name: 'x', taints: [{ key: 'k', effect: 'None' }] }, ...devices.slice(1)];
    expect(errorsOf({ devices: tainted })).toEqual(['spec.devices: Too many: 65: must have at most 64 items']);
  });

  it('check how capacity is shared', () => {
    expect(capacity({ default: '2', validValues: ['1', '2'] })).toEqual([]);
    expect(capacity({ default: '1', validRange: { min: '1', max: '9', step: '2' } })).toEqual([]);
    expect(device({ capacity: { memory: { value: '1', requestPolicy: {} } } })).toEqual([
      'device.capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true',
    ]);
    expect(capacity({ validValues: ['1'] })).toEqual([
      'policy.default: Required value: required when validValues is defined',
    ]);
    expect(capacity({ default: '5', validValues: ['2', '1', '11'] })).toEqual([
      'policy.validValues[1]: Invalid value: "1": values must be sorted in ascending order',
      'policy.validValues[2]: Invalid value: "11": option is larger than capacity value: 10',
      'policy.validValues: Invalid value: "5": default value is not valid according to the requestPolicy',
    ]);
    expect(capacity({ default: '4', validRange: { min: '1', max: '20', step: '2' } })).toEqual([
      'policy.validRange.max: Invalid value: "20": max is larger than capacity value: 10',
      'policy.validRange.step: Invalid value: "4": value is not a multiple of a given step (2) from (1)',
      'policy.validRange.step: Invalid value: "20": value is not a multiple of a given step (2) from (1)',
    ]);
    expect(capacity({ default: '0', validRange: { min: '1', step: '0' } })).toEqual([
      'policy.validRange.default: Invalid value: "0": default is less than min: 1',
      'policy.validRange.step: Invalid value: "0": must be greater than zero',
    ]);
  });

  it('say when a taint was added, and keep it; drop what alpha features would read', () => {
    const context = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
    const tainted = (key: string): ResourceSlice =>
      slice({ devices: [{ name: 'd', taints: [{ key, effect: 'NoSchedule' }], attributes: { a: { ints: [1] } } }] });
    const first = tainted('k');
    resourceSlices.strategy.prepareForCreate!(first, context);
    expect(first.spec.devices![0]).toEqual({
      name: 'd',
      taints: [{ key: 'k', effect: 'NoSchedule', timeAdded: '1970-01-01T00:00:00Z' }],
      attributes: { a: {} },
    });
    const later = { ...context, nowMs: 60_000 };
    const same = tainted('k');
    resourceSlices.strategy.prepareForUpdate!(same, first, later);
    expect(same.spec.devices![0]!.taints).toEqual(first.spec.devices![0]!.taints);
    const other = tainted('z');
    resourceSlices.strategy.prepareForUpdate!(other, first, later);
    expect(other.spec.devices![0]!.taints![0]!.timeAdded).toBe('1970-01-01T00:01:00Z');
  });

  it('show node, driver and pool', () => {
    const cells = resourceSlices.additionalPrinterColumns.slice(0, 3).map(({ cell }) => cell(slice({}), 0));
    expect(cells).toEqual(['node-1', 'e.com', 'node-1']);
  });
});
