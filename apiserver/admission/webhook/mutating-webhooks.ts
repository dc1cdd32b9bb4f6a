/**
 * MutatingAdmissionWebhook: one webhook after the other changes the object; those that ask for it see it again once a
 * later one has changed it (apiserver `webhook/mutating/dispatcher.go`, `reinvocationcontext.go`).
 */
import type { ApiObject } from '../../../api/machinery/meta.ts';
import { isSameValue } from '../../registry/same-value.ts';
import type { AdmissionAttributes, AdmissionPlugin, Reinvocation } from '../admission.ts';
import type { ObjectChanger } from '../object-changer.ts';
import { applyReviewPatch } from './review-patch.ts';
import type { WebhookCaller } from './webhook-caller.ts';
import type { CompiledWebhook, WebhookList } from './webhook-list.ts';
import { isExempt } from './webhook-list.ts';

/** What one request's webhooks have done so far. */
interface Invocations {
  /** Were called and want to see later changes. */
  called: Set<string>;
  /** Are to be called again. */
  again: Set<string>;
  /** The object as the webhooks left it. */
  output: ApiObject | undefined;
}

export function mutatingWebhooks(
  webhooks: WebhookList,
  caller: WebhookCaller,
  changer: ObjectChanger,
): AdmissionPlugin {
  const invocations = new WeakMap<Reinvocation, Invocations>();
  const stateOf = ({ reinvocation }: AdmissionAttributes): Invocations => {
    const state = reinvocation && invocations.get(reinvocation);
    if (state !== undefined) return state;
    const made: Invocations = { called: new Set(), again: new Set(), output: undefined };
    if (reinvocation !== undefined) invocations.set(reinvocation, made);
    return made;
  };
  return {
    name: 'MutatingAdmissionWebhook',
    async mutate(attributes) {
      const list = webhooks.get();
      if (list.length === 0 || isExempt(attributes.resource)) return;
      const state = stateOf(attributes);
      const isAgain = attributes.reinvocation?.isRunning === true;
      if (isAgain && !isSameValue(state.output, attributes.object)) callAgain(state);
      for (const [index, webhook] of list.entries()) {
        if (isAgain && !state.again.has(webhook.id)) continue;
        await invoke({ webhook, index, attributes, state }, caller, changer);
      }
      if (state.called.size > 0) state.output = structuredClone(attributes.object);
    },
  };
}

interface Invocation {
  webhook: CompiledWebhook;
  index: number;
  attributes: AdmissionAttributes;
  state: Invocations;
}

async function invoke(invocation: Invocation, caller: WebhookCaller, changer: ObjectChanger): Promise<void> {
  const { webhook, attributes, state, index } = invocation;
  const subject = await caller.subjectFor(webhook, attributes);
  if (subject === undefined) return;
  const place = `round_${attributes.reinvocation?.isRunning === true ? 1 : 0}_index_${index}`;
  const { name } = webhook.webhook;
  let mutated = false;
  try {
    const response = await caller.call(webhook, subject);
    mutated = await applyReviewPatch(response, { name, subject, changer });
  } catch (error) {
    const key = `failed-open.mutation.webhook.admission.k8s.io/${place}`;
    const refusal = caller.refusalOf(error, webhook, () => attributes.annotate?.(key, name));
    if (refusal !== undefined) throw refusal;
  }
  const about = { configuration: webhook.configuration, webhook: name, mutated };
  attributes.annotate?.(`mutation.webhook.admission.k8s.io/${place}`, JSON.stringify(about));
  if (mutated) {
    callAgain(state);
    if (attributes.reinvocation !== undefined) attributes.reinvocation.isWanted = true;
  }
  if (webhook.webhook.reinvocationPolicy === 'IfNeeded') state.called.add(webhook.id);
}

function callAgain({ called, again }: Invocations): void {
  for (const id of called) again.add(id);
  called.clear();
}
