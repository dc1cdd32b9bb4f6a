/** The webhooks of all configurations of a kind, in the order in which they are called, kept until one changes. */
import { ExpressionCompiler } from '../../../api/admissionregistration/v1/expressions.ts';
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type { Webhook, WebhookConfiguration } from '../../../api/admissionregistration/v1/webhook.ts';
import type { Lister } from '../../../api/machinery/handler.ts';
import type { Resource } from '../../../api/machinery/resource.ts';
import { ADMISSION_GROUP } from '../../../api/admissionregistration/v1/group.ts';
import type { MatchConditions } from '../matching/match-conditions.ts';
import { compileMatchConditions } from '../matching/match-conditions.ts';
import type { Criteria } from '../matching/request-matcher.ts';
import { criteriaOf } from '../matching/request-matcher.ts';

const COMPILER = new ExpressionCompiler({ hasParams: false });

export interface CompiledWebhook {
  /** Configuration, name and place in the configuration. */
  id: string;
  configuration: string;
  webhook: Webhook;
  criteria: Criteria;
  conditions: MatchConditions | undefined;
}

/** Never asked about: what is wrong with a webhook must be possible to mend. */
export function isExempt({ group }: Resource): boolean {
  return group === ADMISSION_GROUP;
}

export class WebhookList {
  readonly #lister: Lister<WebhookConfiguration>;
  readonly #onChange: (webhooks: readonly CompiledWebhook[]) => void;
  #generation: number | undefined;
  #webhooks: readonly CompiledWebhook[] = [];

  /** `onChange` runs when the list has been made anew. */
  constructor(lister: Lister<WebhookConfiguration>, onChange: (webhooks: readonly CompiledWebhook[]) => void) {
    this.#lister = lister;
    this.#onChange = onChange;
  }

  get(): readonly CompiledWebhook[] {
    const { generation } = this.#lister;
    if (generation === undefined || generation !== this.#generation) {
      this.#generation = generation;
      this.#webhooks = this.#lister.list().flatMap(compile);
      this.#onChange(this.#webhooks);
    }
    return this.#webhooks;
  }
}

function compile({ metadata, webhooks }: WebhookConfiguration): CompiledWebhook[] {
  const configuration = metadata.name ?? '';
  return listOf(webhooks).map((webhook, i) => ({
    id: `${configuration}/${webhook.name}/${i}`,
    configuration,
    webhook,
    criteria: criteriaOf(webhook),
    conditions: conditionsOf(webhook),
  }));
}

function conditionsOf({ matchConditions, failurePolicy }: Webhook): MatchConditions | undefined {
  const conditions = listOf(matchConditions);
  return conditions.length === 0 ? undefined : compileMatchConditions(conditions, COMPILER, failurePolicy);
}
