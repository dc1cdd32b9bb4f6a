/** ValidatingWebhookConfiguration: webhooks that are asked whether a request may go on. */
import type { V1ValidatingWebhookConfiguration } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ADMISSION_GROUP, API_EXTENSIONS } from './group.ts';
import type { Webhook } from './webhook.ts';
import { webhookColumns, webhookStrategy } from './webhook.ts';

export type ValidatingWebhookConfiguration = Omit<WireObject<V1ValidatingWebhookConfiguration>, 'webhooks'> & {
  webhooks?: Webhook[];
};

export const validatingWebhookConfigurations = defineResource<ValidatingWebhookConfiguration>({
  group: ADMISSION_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'validatingwebhookconfigurations',
    singular: 'validatingwebhookconfiguration',
    kind: 'ValidatingWebhookConfiguration',
    categories: API_EXTENSIONS,
  },
  schema: 'V1ValidatingWebhookConfiguration',
  additionalPrinterColumns: webhookColumns(),
  strategy: webhookStrategy('validating'),
});
