/** ResourceQuota: what a namespace may use in all (upstream: `pkg/registry/core/resourcequota`, `ValidateResourceQuota`). */
import type { PrinterColumn } from '../../machinery/resource.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import { amountOf, canonicalizeResourceList } from './pod/resources.ts';
import type { ResourceQuota } from './quota/types.ts';
import { validateQuotaSpec, validateQuotaSpecUpdate, validateQuotaStatus } from './quota/validation.ts';

export type { ResourceQuota, ResourceQuotaSpec } from './quota/types.ts';

export const resourceQuotas = defineResource<ResourceQuota>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'resourcequotas', singular: 'resourcequota', kind: 'ResourceQuota', shortNames: ['quota'] },
  schema: 'V1ResourceQuota',
  subresources: { status: {} },
  additionalPrinterColumns: [
    usageColumn('Request', 'Used and allowed in all', (name) => !name.startsWith('limits.')),
    usageColumn('Limit', 'Limits used and allowed in all', (name) => name.startsWith('limits.')),
    ageColumn(),
  ],
  strategy: {
    default(quota) {
      quota.spec ??= {};
      for (const list of [quota.spec.hard, quota.status?.hard, quota.status?.used]) canonicalizeResourceList(list);
    },
    prepareForCreate(quota) {
      quota.status = {};
    },
    validate: ({ spec, status }) => [...validateQuotaSpec(spec), ...validateQuotaStatus(status)],
    validateUpdate: ({ spec }, previous) => validateQuotaSpecUpdate(spec, previous.spec),
    status: { validateUpdate: ({ status }) => validateQuotaStatus(status) },
    allowCreateOnUpdate: true,
    hasGeneration: false,
  },
});

function usageColumn(
  name: string,
  description: string,
  isShown: (resource: string) => boolean,
): PrinterColumn<ResourceQuota> {
  return {
    name,
    type: 'string',
    description,
    cell: ({ status }) =>
      Object.keys(status?.hard ?? {})
        .filter(isShown)
        .sort()
        .map((resource) => {
          const [used, hard] = [amountOf(status?.used, resource), amountOf(status?.hard, resource)];
          return `${resource}: ${used.toString()}/${hard.toString()}`;
        })
        .join(', '),
  };
}
