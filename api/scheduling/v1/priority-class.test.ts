import { expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { priorityClasses, SYSTEM_PRIORITY_CLASSES } from './priority-class.ts';

const { decoded, errors, updateErrors, cells } = kindUnderTest(priorityClasses);

it('preempts unless it says otherwise, and may be negative', () => {
  expect(decoded({})).toMatchObject({ value: 0, preemptionPolicy: 'PreemptLowerPriority' });
  expect(errors({ value: -5, preemptionPolicy: 'Never' })).toEqual([]);
});

it.each([
  [{ value: 1_000_000_001 }, ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000']],
  [{ value: 1, preemptionPolicy: 'Some' }, [expect.stringContaining('preemptionPolicy: Unsupported value: "Some"')]],
  [
    { metadata: { name: 'system-mine' }, value: 1 },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ],
  ],
  [
    { metadata: { name: 'system-node-critical' }, value: 1 },
    [expect.stringContaining('value of system-node-critical PriorityClass must be 2000001000')],
  ],
])('refuses %j', (content, expected) => {
  expect(errors(content)).toEqual(expected);
});

it('knows the system classes', () => {
  for (const { name, value } of SYSTEM_PRIORITY_CLASSES) expect(errors({ metadata: { name }, value })).toEqual([]);
});

it('keeps value and policy', () => {
  expect(updateErrors({ value: 2, preemptionPolicy: 'Never' }, { value: 1 })).toEqual([
    'value: Forbidden: may not be changed in an update.',
    'preemptionPolicy: Invalid value: "Never": field is immutable',
  ]);
  expect(updateErrors({ value: 1, description: 'x', globalDefault: true }, { value: 1 })).toEqual([]);
});

it('shows its columns', () => {
  expect(cells({ value: 7 })).toMatchObject({
    Value: 7,
    'Global-Default': false,
    PreemptionPolicy: 'PreemptLowerPriority',
  });
});
