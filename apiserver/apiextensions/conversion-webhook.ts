/**
 * Objects of a custom kind converted by the webhook that its definition names (apiextensions-apiserver
 * `pkg/apiserver/conversion/webhook_converter.go`). A failure is told to whoever asked, in upstream's words.
 */
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import type { WebhookClientConfig } from '../../api/admissionregistration/v1/webhook-client-config.ts';
import { ApiError } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { VersionConverter } from '../../api/machinery/resource.ts';
import type { Random } from '../../base/random.ts';
import type { WebhookClient } from '../admission/webhook/webhook-client.ts';
import type { ReviewQuestion } from './conversion-review.ts';
import {
  acceptedObject,
  conversionReview,
  convertedObjects,
  goKind,
  reviewVersion,
  UnfitObject,
} from './conversion-review.ts';

const TIMEOUT_SECONDS = 30;

export interface ConversionOptions {
  client: WebhookClient;
  random: Random;
}

type Webhook = NonNullable<NonNullable<CustomResourceDefinition['spec']['conversion']>['webhook']>;

/** The address of a definition's conversion webhook; undefined when it has none. */
export function conversionAddress({ spec }: CustomResourceDefinition): WebhookClientConfig | undefined {
  return webhookOf(spec)?.clientConfig as WebhookClientConfig | undefined;
}

function webhookOf({ conversion }: CustomResourceDefinition['spec']): Webhook | undefined {
  return conversion?.strategy === 'Webhook' ? conversion.webhook : undefined;
}

/** How a definition's versions become one another; undefined when they differ in nothing but their name. */
export function versionConverter(
  { spec }: CustomResourceDefinition,
  options: ConversionOptions,
): VersionConverter | undefined {
  const webhook = webhookOf(spec);
  if (webhook === undefined) return undefined;
  return async (objects, apiVersion) => {
    const others = objects.filter((object) => object.apiVersion !== apiVersion);
    if (others.length === 0) return [...objects];
    const converted = await convert(webhook, options, { objects: others, desiredApiVersion: apiVersion });
    let next = 0;
    return objects.map((object) => (object.apiVersion === apiVersion ? object : converted[next++]!));
  };
}

async function convert(
  { clientConfig, conversionReviewVersions }: Webhook,
  { client, random }: ConversionOptions,
  asked: Pick<ReviewQuestion, 'objects' | 'desiredApiVersion'>,
): Promise<ApiObject[]> {
  const version = reviewVersion(conversionReviewVersions);
  if (version === undefined) throw failure('no supported conversion review versions');
  const { objects, desiredApiVersion } = asked;
  const { apiVersion = '', kind = '' } = objects[0]!;
  const about = `conversion webhook for ${goKind(apiVersion, kind)}`;
  const question: ReviewQuestion = { ...asked, uid: random.uuid(), version };
  const config = clientConfig as WebhookClientConfig;
  let answered: unknown[];
  try {
    const body = conversionReview(question);
    answered = convertedObjects(await client.post({ config, body, timeoutSeconds: TIMEOUT_SECONDS }), question);
  } catch (error) {
    throw failure(`${about} failed: ${(error as Error).message}`);
  }
  if (answered.length !== objects.length)
    throw failure(`${about} returned ${answered.length} objects, expected ${objects.length}`);
  return objects.map((object, i) => {
    try {
      return acceptedObject(object, answered[i], desiredApiVersion);
    } catch (error) {
      if (!(error instanceof UnfitObject)) throw error;
      throw failure(`${about} returned ${unfit(error, i, objects.length > 1)}`);
    }
  });
}

/** One object of several is named by its place. */
function unfit({ about, message }: UnfitObject, index: number, isOneOfSeveral: boolean): string {
  if (isOneOfSeveral) {
    return about === 'metadata'
      ? `invalid metadata in object at index ${index}: ${message}`
      : `invalid converted object at index ${index}: ${message}`;
  }
  if (about === 'metadata') return `invalid metadata: ${message}`;
  return about === 'form' ? `invalid object at index 0: ${message}` : `invalid object: ${message}`;
}

/** Upstream gives it no reason. */
function failure(message: string): ApiError {
  return new ApiError({ code: 500, message });
}
