/** ServiceAccount: the identity of pods (upstream: `pkg/registry/core/serviceaccount`, `printServiceAccount`). */
import type { V1ServiceAccount } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';

export type ServiceAccount = WireObject<V1ServiceAccount>;

const ENFORCE_MOUNTABLE_SECRETS = 'kubernetes.io/enforce-mountable-secrets';

export const serviceAccounts = defineResource<ServiceAccount>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'serviceaccounts', singular: 'serviceaccount', kind: 'ServiceAccount', shortNames: ['sa'] },
  schema: 'V1ServiceAccount',
  additionalPrinterColumns: [
    {
      name: 'Secrets',
      type: 'string',
      description: 'Number of secrets that pods of this account may mount',
      cell: ({ secrets }) => (secrets ?? []).length,
    },
    ageColumn(),
  ],
  strategy: {
    prepareForCreate: keepSecretNames,
    prepareForUpdate: keepSecretNames,
    warnings: ({ metadata }) => {
      if (metadata.annotations?.[ENFORCE_MOUNTABLE_SECRETS] === undefined) return [];
      const detail = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets';
      return [`metadata.annotations[${ENFORCE_MOUNTABLE_SECRETS}]: ${detail}`];
    },
  },
});

/** Of the references to secrets, only the names count (`cleanSecretReferences`). */
function keepSecretNames(account: ServiceAccount): void {
  if (account.secrets === undefined) return;
  account.secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}
