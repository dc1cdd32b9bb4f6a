import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { leases } from './lease.ts';
import type { Lease } from './lease.ts';

describe('leases', () => {
  const errorsOf = (spec: Lease['spec']): string[] =>
    leases.strategy.validate!({ metadata: { name: 'l' }, ...(spec ? { spec } : {}) }).map(formatFieldError);

  it('check durations, transitions and strategy', () => {
    expect(errorsOf(undefined)).toEqual([]);
    expect(errorsOf({ holderIdentity: 'me', leaseDurationSeconds: 15, leaseTransitions: 0 })).toEqual([]);
    expect(errorsOf({ leaseDurationSeconds: 0, leaseTransitions: -1, preferredHolder: 'x' })).toEqual([
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
      'spec.preferredHolder: Forbidden: can only be specified if `strategy` is defined',
    ]);
    expect(errorsOf({ strategy: 'Foo' })).toEqual([
      'spec.strategy.strategy: Unsupported value: "Foo": supported values: "OldestEmulationVersion"',
    ]);
    expect(errorsOf({ strategy: 'example.com/' })[0]).toMatch(
      /^spec\.strategy\.strategy: Invalid value: "example\.com\/": name part/,
    );
    expect(errorsOf({ strategy: 'example.com/mine' })).toEqual([]);
  });

  it('come into being by PUT, and need a resourceVersion to change', () => {
    expect(leases.strategy).toMatchObject({ allowCreateOnUpdate: true, allowUnconditionalUpdate: false });
  });

  it('show their holder', () => {
    expect(leases.additionalPrinterColumns[0]!.cell({ metadata: {}, spec: { holderIdentity: 'me' } }, 0)).toBe('me');
  });
});
