/** One webhook asked about one request: dry run, review versions, what its answer leaves behind, its failure policy. */
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import { forbiddenError, internalServerError } from '../../../api/machinery/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { Random } from '../../../base/random.ts';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { ExpressionFailure } from '../expressions/compiled-expression.ts';
import { requestActivation } from '../expressions/request-activation.ts';
import type { MatchConditions } from '../matching/match-conditions.ts';
import type { RequestMatcher } from '../matching/request-matcher.ts';
import { inVersion } from '../matching/request-matcher.ts';
import type { ReviewResponse, ReviewSubject } from './review.ts';
import { readReview, reviewRequest, reviewVersion } from './review.ts';
import type { WebhookClient } from './webhook-client.ts';
import { dryRunUnsupported, rejection, WebhookFailure } from './webhook-errors.ts';
import type { CompiledWebhook } from './webhook-list.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;

export interface CallerOptions {
  client: WebhookClient;
  matcher: RequestMatcher;
  authorize: Authorizer;
  random: Random;
  log: Logger;
  mutating: boolean;
}

export class WebhookCaller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** What to ask the webhook about; undefined when the request is none of its business. Throws ApiError. */
  async subjectFor(
    { criteria, conditions }: CompiledWebhook,
    attributes: AdmissionAttributes,
  ): Promise<ReviewSubject | undefined> {
    const matched = this.#options.matcher.match(criteria, attributes);
    if (matched === undefined) return undefined;
    const object = await inVersion(attributes.object, attributes, matched);
    const oldObject = await inVersion(attributes.oldObject, attributes, matched);
    const subject = { attributes, matched, object, oldObject };
    return conditions === undefined || this.#holds(conditions, subject) ? subject : undefined;
  }

  #holds(conditions: MatchConditions, subject: ReviewSubject): boolean {
    try {
      return conditions(requestActivation(subject, this.#options.authorize));
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
      const { group, names } = subject.attributes.resource;
      throw forbiddenError({ group, resource: names.plural }, subject.attributes.name, error.message);
    }
  }

  /** Throws ApiError when the webhook refuses, and WebhookFailure when it cannot be asked. */
  async call({ webhook }: CompiledWebhook, subject: ReviewSubject): Promise<ReviewResponse> {
    const { client, random, mutating } = this.#options;
    const { name, clientConfig, sideEffects, admissionReviewVersions } = webhook;
    const { attributes } = subject;
    if (attributes.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') throw dryRunUnsupported(name);
    const version = reviewVersion(listOf(admissionReviewVersions));
    if (version === undefined) {
      const reason = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)';
      throw new WebhookFailure(name, `could not create admission objects: ${reason}`);
    }
    const uid = random.uuid();
    const body = reviewRequest(subject, { uid, version });
    const timeoutSeconds = webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    const answer = await client.post({ config: clientConfig, body, timeoutSeconds }).catch((error: Error) => {
      throw new WebhookFailure(name, `failed to call webhook: ${error.message}`);
    });
    const response = verified(name, () => readReview(answer, { uid, version, mutating }));
    for (const [key, value] of Object.entries(response.auditAnnotations))
      attributes.annotate?.(`${name}/${key}`, value);
    for (const warning of response.warnings) attributes.warn(warning);
    if (!response.allowed) throw rejection(name, response.status);
    return response;
  }

  /** What is to be thrown; undefined where the webhook's policy is to go on without it. */
  refusalOf(error: unknown, { webhook, configuration }: CompiledWebhook, annotate: () => void): unknown {
    if (!(error instanceof WebhookFailure)) return error;
    if (webhook.failurePolicy !== 'Ignore') return internalServerError(error.message);
    this.#options.log.warn('a webhook failed and is ignored', { configuration, error: error.message });
    annotate();
    return undefined;
  }
}

function verified(name: string, read: () => ReviewResponse): ReviewResponse {
  try {
    return read();
  } catch (error) {
    throw new WebhookFailure(name, `received invalid webhook response: ${(error as Error).message}`);
  }
}
