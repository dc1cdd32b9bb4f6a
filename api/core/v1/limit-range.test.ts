import { describe, expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { limitRanges } from './limit-range.ts';

const { decoded, errors, updateErrors, cells } = kindUnderTest(limitRanges);
const range = (...limits: object[]) => ({ spec: { limits } });
const container = (content: object) => range({ type: 'Container', ...content });

describe('defaults', () => {
  it('takes limits of containers from the maximum and requests from limits, then from the minimum', () => {
    const limits = container({ max: { cpu: '2' }, min: { cpu: '100m', memory: '1Mi' }, default: { memory: '2Mi' } });
    expect(decoded(limits).spec.limits[0]).toMatchObject({
      default: { cpu: '2', memory: '2Mi' },
      defaultRequest: { cpu: '2', memory: '2Mi' },
    });
    expect(decoded(container({ min: { cpu: '100m' } })).spec.limits[0]).toEqual({
      type: 'Container',
      min: { cpu: '100m' },
      defaultRequest: { cpu: '100m' },
    });
  });

  it('leaves pods and claims alone', () => {
    expect(decoded(range({ type: 'Pod', max: { cpu: '2000m' } })).spec.limits).toEqual([
      { type: 'Pod', max: { cpu: '2' } },
    ]);
  });
});

describe('validation', () => {
  it.each([
    [range({ type: 'Pod', max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '4' } })],
    [container({ max: { cpu: '2' }, min: { cpu: '1' }, maxLimitRequestRatio: { cpu: '2' } })],
    [range({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } })],
    [range({ type: 'example.com/Thing', max: { 'example.com/x': '1' } })],
    [{}],
  ])('accepts %j', (content) => {
    expect(errors(content)).toEqual([]);
  });

  it.each([
    [
      range({ type: 'Node' }),
      'spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified',
    ],
    [range({ type: 'Pod' }, { type: 'Pod' }), 'spec.limits[1].type: Duplicate value: "Pod"'],
    [
      range({ type: 'Pod', default: { cpu: '1' } }),
      "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
    ],
    [
      range({ type: 'PersistentVolumeClaim', default: { storage: '1' } }),
      'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
    ],
    [
      container({ min: { cpu: '2' }, max: { cpu: '1' }, default: { cpu: '2' }, defaultRequest: { cpu: '2' } }),
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    ],
    [
      container({ default: { cpu: '1' }, defaultRequest: { cpu: '2' } }),
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
    ],
    [
      container({ max: { cpu: '1' }, default: { cpu: '2' } }),
      'spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
    ],
    [
      container({ maxLimitRequestRatio: { cpu: '800m' } }),
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "800m": ratio 800m is less than 1',
    ],
    [
      container({ max: { cpu: '2' }, min: { cpu: '1' }, maxLimitRequestRatio: { cpu: '10' } }),
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "10": ratio 10 is greater than max/min = 2.000000',
    ],
    [
      container({ default: { 'example.com/gpu': '2' }, defaultRequest: { 'example.com/gpu': '1' } }),
      'spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in example.com/gpu',
    ],
    [container({ max: { bananas: '1' } }), 'must be a standard resource for containers'],
  ])('refuses %j', (content, expected) => {
    expect(errors(content)).toContainEqual(expect.stringContaining(expected));
    expect(updateErrors(content, {})).toEqual(errors(content));
  });
});

it('shows when it was made', () => {
  expect(cells({ metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } })['Created At']).toBe('2026-01-01T00:00:00Z');
});
