/** ValidatingAdmissionWebhook: every webhook that wants the request is asked at once (apiserver `webhook/validating/dispatcher.go`). */
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts';
import type { ReviewSubject } from './review.ts';
import type { WebhookCaller } from './webhook-caller.ts';
import type { CompiledWebhook, WebhookList } from './webhook-list.ts';
import { isExempt } from './webhook-list.ts';

const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/';

export function validatingWebhooks(webhooks: WebhookList, caller: WebhookCaller): AdmissionPlugin {
  return {
    name: 'ValidatingAdmissionWebhook',
    async validate(attributes) {
      const list = webhooks.get();
      if (list.length === 0 || isExempt(attributes.resource)) return;
      const wanted: [CompiledWebhook, ReviewSubject, number][] = [];
      for (const [i, webhook] of list.entries()) {
        const subject = await caller.subjectFor(webhook, attributes);
        if (subject !== undefined) wanted.push([webhook, subject, i]);
      }
      if (wanted.length > 0) await askAll(wanted, { caller, attributes });
    },
  };
}

/** Throws the first refusal, once all have answered. */
async function askAll(
  wanted: readonly [CompiledWebhook, ReviewSubject, number][],
  { caller, attributes }: { caller: WebhookCaller; attributes: AdmissionAttributes },
): Promise<void> {
  const refusals: unknown[] = [];
  await Promise.all(
    wanted.map(async ([webhook, subject, i]) => {
      try {
        await caller.call(webhook, subject);
      } catch (error) {
        const annotate = (): void => attributes.annotate?.(`${FAILED_OPEN}round_0_index_${i}`, webhook.webhook.name);
        const refusal = caller.refusalOf(error, webhook, annotate);
        if (refusal !== undefined) refusals.push(refusal);
      }
    }),
  );
  if (refusals.length > 0) throw refusals[0];
}
