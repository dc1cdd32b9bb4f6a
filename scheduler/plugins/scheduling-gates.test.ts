import { describe, expect, it } from '@jest/globals';
import { podOf } from '../objects-for-tests.ts';
import { schedulingGates } from './scheduling-gates.ts';

describe('SchedulingGates [W16]', () => {
  it.each([
    ['no gates', undefined, undefined],
    ['an empty list', [], undefined],
    ['two gates', [{ name: 'a' }, { name: 'b/c' }], ['waiting for scheduling gates: [a b/c]']],
  ])('judges a pod with %s', (_name, gates, reasons) => {
    const pod = podOf('p', { spec: gates === undefined ? {} : { schedulingGates: gates } });
    expect(schedulingGates.preEnqueue!(pod)?.reasons).toEqual(reasons);
  });
});
