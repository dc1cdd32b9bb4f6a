/** MutatingWebhookConfiguration: webhooks that are asked to change an object before it is stored. */
import type { V1MutatingWebhookConfiguration } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ADMISSION_GROUP, API_EXTENSIONS } from './group.ts';
import type { Webhook } from './webhook.ts';
import { webhookColumns, webhookStrategy } from './webhook.ts';

export type MutatingWebhookConfiguration = Omit<WireObject<V1MutatingWebhookConfiguration>, 'webhooks'> & {
  webhooks?: Webhook[];
};

export const mutatingWebhookConfigurations = defineResource<MutatingWebhookConfiguration>({
  group: ADMISSION_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'mutatingwebhookconfigurations',
    singular: 'mutatingwebhookconfiguration',
    kind: 'MutatingWebhookConfiguration',
    categories: API_EXTENSIONS,
  },
  schema: 'V1MutatingWebhookConfiguration',
  additionalPrinterColumns: webhookColumns(),
  strategy: webhookStrategy('mutating'),
});
