import { expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { runtimeClasses } from './runtime-class.ts';

const { errors, updateErrors, warnings, cells } = kindUnderTest(runtimeClasses);

it.each([
  [{ handler: 'runc' }, []],
  [{ handler: 'Run.C' }, [expect.stringContaining('handler: Invalid value: "Run.C"')]],
  [
    { handler: 'runc', overhead: { podFixed: { cpu: '-1' } } },
    ['overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
  ],
  [
    { handler: 'runc', scheduling: { nodeSelector: { a: 'b c' } } },
    [expect.stringContaining('scheduling.nodeSelector: Invalid value: "b c"')],
  ],
  [
    { handler: 'runc', scheduling: { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
    [expect.stringContaining('scheduling.tolerations[0].operator: Invalid value')],
  ],
])('says of %j: %j', (content, expected) => {
  expect(errors(content)).toEqual(expected);
});

it('keeps its handler', () => {
  expect(updateErrors({ handler: 'kata' }, { handler: 'runc' })).toEqual([
    'handler: Invalid value: "kata": field is immutable',
  ]);
});

it('warns of old labels and shows its handler', () => {
  const scheduling = { nodeSelector: { 'beta.kubernetes.io/arch': 'amd64' } };
  expect(warnings({ handler: 'runc', scheduling })).toHaveLength(1);
  expect(cells({ handler: 'runc' })['Handler']).toBe('runc');
});
