/** Lease: who leads, and until when (upstream: `pkg/apis/coordination/validation`). */
import type { V1Lease } from '@kubernetes/client-node';
import { fieldPath, forbidden, invalid, notSupported } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isQualifiedName, validateNonNegative } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';

export type Lease = WireObject<V1Lease>;

const STRATEGIES = ['OldestEmulationVersion'];

export const leases = defineResource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'leases', singular: 'lease', kind: 'Lease' },
  schema: 'V1Lease',
  additionalPrinterColumns: [
    {
      name: 'Holder',
      type: 'string',
      description: 'Who holds the lease',
      cell: ({ spec }) => spec?.holderIdentity ?? '',
    },
    ageColumn(),
  ],
  strategy: {
    validate: validateLease,
    validateUpdate: validateLease,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    allowsPlainFinalizers: true,
    // Upstream never sets a lease's generation, though its spec changes all the time.
    hasGeneration: false,
  },
});

/** `ValidateCoordinatedLeaseStrategy`, which names its field once more than there is. */
function validateStrategy(strategy: string, path: FieldPath): FieldError[] {
  const named = path.child('strategy');
  if (strategy.includes('/')) return invalidEach(named, strategy, isQualifiedName(strategy));
  return STRATEGIES.includes(strategy) ? [] : [notSupported(named, strategy, STRATEGIES)];
}

function validateLease({ spec = {} }: Lease): FieldError[] {
  const path = fieldPath('spec');
  const errors: FieldError[] = [];
  const { leaseDurationSeconds: duration, leaseTransitions, strategy, preferredHolder } = spec;
  if (duration !== undefined && duration <= 0) {
    errors.push(invalid(path.child('leaseDurationSeconds'), duration, 'must be greater than 0'));
  }
  errors.push(...validateNonNegative(leaseTransitions, path.child('leaseTransitions')));
  if (strategy !== undefined) errors.push(...validateStrategy(strategy, path.child('strategy')));
  if (preferredHolder && !strategy) {
    errors.push(forbidden(path.child('preferredHolder'), 'can only be specified if `strategy` is defined'));
  }
  return errors;
}
