/** ServiceAccount: every namespace has a service account named `default` (upstream `pkg/controller/serviceaccount`). */
import type { Namespace } from '../api/core/v1/namespace.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import type { ServiceAccount } from '../api/core/v1/service-account.ts';
import { serviceAccounts } from '../api/core/v1/service-account.ts';
import { isAlreadyExists } from '../api/machinery/errors.ts';
import { defineController } from '../client/controller.ts';

export const serviceAccountController = defineController<Namespace>({
  name: 'service-account-controller',
  for: namespaces,
  watches: [
    {
      resource: serviceAccounts,
      map: ({ metadata }) => (metadata.name === 'default' ? [metadata.namespace ?? ''] : []),
    },
  ],
  writes: [serviceAccounts],
  async reconcile({ name: namespace }, context) {
    const found = context.lister<Namespace>(namespaces).get('', namespace);
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
    if (context.lister<ServiceAccount>(serviceAccounts).get(namespace, 'default') !== undefined) return undefined;
    try {
      await context.client.create<ServiceAccount>(serviceAccounts, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'default', namespace },
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    return undefined;
  },
});
