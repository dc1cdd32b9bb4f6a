/**
 * ServiceCIDR: a range that Services' addresses come from (upstream: `pkg/apis/networking/validation`,
 * `ValidateServiceCIDR`; `pkg/registry/networking/servicecidr`).
 */
import type { V1ServiceCIDR } from '@kubernetes/client-node';
import { fieldPath, invalid, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { isStrictCidr } from '../../machinery/validation-ip-strict.ts';
import { parseCidr } from '../../machinery/validation-ip.ts';
import { FIELD_IMMUTABLE_MESSAGE } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';

export type ServiceCidr = WireObject<V1ServiceCIDR>;

const CIDRS = fieldPath('spec', 'cidrs');

export const serviceCidrs = defineResource<ServiceCidr>({
  group: 'networking.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'servicecidrs', singular: 'servicecidr', kind: 'ServiceCIDR' },
  schema: 'V1ServiceCIDR',
  subresources: { status: {} },
  additionalPrinterColumns: [
    {
      name: 'CIDRs',
      type: 'string',
      description: 'Ranges that addresses of Services are taken from',
      cell: ({ spec }) => (spec?.cidrs ?? []).join(','),
    },
    ageColumn(),
  ],
  strategy: {
    prepareForCreate(object) {
      object.status = {};
    },
    validate: validateServiceCidr,
    validateUpdate,
    status: { keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'] },
    // Upstream keeps none.
    hasGeneration: false,
  },
});

function validateServiceCidr({ spec = {} }: ServiceCidr): FieldError[] {
  const { cidrs = [] } = spec;
  if (cidrs.length === 0) return [required(CIDRS, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(CIDRS, { CIDRs: cidrs }, 'may only hold up to 2 values')];
  const errors = cidrs.flatMap((cidr, i) => isStrictCidr(CIDRS.index(i), cidr));
  const families = cidrs.map((cidr) => parseCidr(cidr)?.address.family);
  if (cidrs.length === 2 && families[0] !== undefined && families[0] === families[1]) {
    const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    errors.push(invalid(CIDRS, cidrs, detail));
  }
  return errors;
}

/** A second family may be added; nothing else changes. */
function validateUpdate(next: ServiceCidr, previous: ServiceCidr): FieldError[] {
  const cidrs = next.spec?.cidrs ?? [];
  const before = previous.spec?.cidrs ?? [];
  const changed = before.flatMap((cidr, i) =>
    i >= cidrs.length || cidr === cidrs[i] ? [] : [invalid(CIDRS.index(i), cidrs[i], FIELD_IMMUTABLE_MESSAGE)],
  );
  if (before.length === cidrs.length) return changed;
  if (before.length === 1 && cidrs.length === 2) return [...changed, ...validateServiceCidr(next)];
  return [invalid(CIDRS, cidrs, FIELD_IMMUTABLE_MESSAGE)];
}
