/** The two admission plugins that ask webhooks, put together over the listers of the cluster. */
import type { EndpointSlice } from '../../../api/discovery/v1/endpoint-slice.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import type { WebhookConfiguration } from '../../../api/admissionregistration/v1/webhook.ts';
import { ADMISSION_GROUP } from '../../../api/admissionregistration/v1/group.ts';
import type { Listers } from '../../../api/machinery/handler.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { Random } from '../../../base/random.ts';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { RequestMatcher } from '../matching/request-matcher.ts';
import type { ObjectChanger } from '../object-changer.ts';
import { mutatingWebhooks } from './mutating-webhooks.ts';
import { validatingWebhooks } from './validating-webhooks.ts';
import { WebhookCaller } from './webhook-caller.ts';
import { WebhookClient } from './webhook-client.ts';
import { WebhookList } from './webhook-list.ts';

export interface WebhookPluginOptions {
  listers: Listers;
  matcher: RequestMatcher;
  changer: ObjectChanger;
  authorize: Authorizer;
  clock: Clock;
  random: Random;
  log: Logger;
}

export function webhookPlugins(options: WebhookPluginOptions): {
  mutating: AdmissionPlugin;
  validating: AdmissionPlugin;
} {
  const mutating = callerOf(options, 'mutating');
  const validating = callerOf(options, 'validating');
  return {
    mutating: mutatingWebhooks(mutating.list, mutating.caller, options.changer),
    validating: validatingWebhooks(validating.list, validating.caller),
  };
}

/** Calls webhooks at the Services of the cluster. */
export function webhookClient({
  listers,
  clock,
  random,
}: Pick<WebhookPluginOptions, 'listers' | 'clock' | 'random'>): WebhookClient {
  return new WebhookClient({
    services: listers<Service>({ group: '', plural: 'services' }),
    endpointSlices: listers<EndpointSlice>({ group: 'discovery.k8s.io', plural: 'endpointslices' }),
    clock,
    random,
  });
}

function callerOf(
  { listers, matcher, authorize, clock, random, log }: WebhookPluginOptions,
  type: 'mutating' | 'validating',
): { list: WebhookList; caller: WebhookCaller } {
  const client = webhookClient({ listers, clock, random });
  const configurations = listers<WebhookConfiguration>({
    group: ADMISSION_GROUP,
    plural: `${type}webhookconfigurations`,
  });
  const list = new WebhookList(configurations, (webhooks) =>
    client.retain(webhooks.map(({ webhook }) => webhook.clientConfig)),
  );
  return {
    list,
    caller: new WebhookCaller({ client, matcher, authorize, random, log, mutating: type === 'mutating' }),
  };
}
