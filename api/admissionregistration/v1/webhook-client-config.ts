/** Where a webhook of admission listens. */
import type { AdmissionregistrationV1WebhookClientConfig } from '@kubernetes/client-node';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire } from '../../machinery/meta.ts';
import { validateWebhookAddress } from '../../machinery/webhook-client-config.ts';

export type WebhookClientConfig = Wire<AdmissionregistrationV1WebhookClientConfig>;
export type ServiceReference = NonNullable<WebhookClientConfig['service']>;

export function validateClientConfig(config: WebhookClientConfig | undefined, path: FieldPath): FieldError[] {
  return validateWebhookAddress(config ?? {}, path);
}
