/** Conversion webhooks for tests: a real HTTPS server, and a definition of two versions that it converts. */
import type { ServerResponse } from 'node:http';
import type { Json, TestWebhook } from '../admission/webhook/testing.ts';
import { startWebhook } from '../admission/webhook/testing.ts';

export interface ConversionRequest {
  apiVersion: string;
  request: { uid: string; desiredAPIVersion: string; objects: Json[] };
}

export interface TestConverter extends Omit<TestWebhook, 'reviews'> {
  reviews: ConversionRequest[];
  /** What is answered instead; undefined: the conversion. */
  answer: ((review: ConversionRequest, response: ServerResponse) => unknown) | undefined;
}

/** `v1` has `hostPort`, the other versions `host` and `port`. */
export function convertAddress(object: Json, apiVersion: string): Json {
  const { hostPort, host, port, ...rest } = object as Record<string, string>;
  if (!apiVersion.endsWith('/v1')) {
    if (hostPort === undefined) return { ...rest, apiVersion, host, port };
    const [h, p] = hostPort.split(':');
    return { ...rest, apiVersion, host: h, port: p };
  }
  return { ...rest, apiVersion, hostPort: hostPort ?? `${host}:${port}` };
}

export function success({ apiVersion, request }: ConversionRequest, convertedObjects: unknown): Json {
  const response = { uid: request.uid, result: { status: 'Success' }, convertedObjects };
  return { kind: 'ConversionReview', apiVersion, response };
}

/** A webhook that converts, until `answer` says something else. */
export async function startConverter(): Promise<TestConverter> {
  const converter = { answer: undefined } as unknown as TestConverter;
  const webhook = await startWebhook((asked) => async (response) => {
    const review = asked as unknown as ConversionRequest;
    const { objects, desiredAPIVersion } = review.request;
    const said =
      converter.answer === undefined
        ? success(
            review,
            objects.map((object) => convertAddress(object, desiredAPIVersion)),
          )
        : await converter.answer(review, response);
    if (said !== undefined) response.end(JSON.stringify(said));
  });
  return Object.assign(converter, webhook, { reviews: webhook.reviews as unknown as ConversionRequest[] });
}

export function converterOf(
  { url, caBundle }: TestWebhook | TestConverter,
  reviews: string[] = ['v1', 'v1beta1'],
): Json {
  return {
    strategy: 'Webhook',
    webhook: { clientConfig: { url: `${url}/convert`, caBundle }, conversionReviewVersions: reviews },
  };
}

const PROPERTIES = {
  status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  spec: { type: 'object', properties: { weight: { type: 'integer' } } },
};

/** A version of a definition of addresses. */
export function addressVersion(name: string, changes: Record<string, unknown> = {}): Json {
  const own =
    name === 'v1'
      ? { hostPort: { type: 'string' } }
      : { host: { type: 'string' }, port: { type: 'string' }, zone: { type: 'string', default: 'here' } };
  return {
    name,
    served: true,
    storage: name === 'v1',
    subresources: { status: {}, scale: { specReplicasPath: '.spec.weight', statusReplicasPath: '.status.weight' } },
    schema: { openAPIV3Schema: { type: 'object', properties: { ...PROPERTIES, ...own } } },
    ...(name === 'v1' ? {} : { selectableFields: [{ jsonPath: '.host' }] }),
    ...changes,
  };
}

export function addressDefinition(group: string, conversion: Json, versions?: Json[]): Json {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `addresses.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'addresses', singular: 'address', kind: 'Address' },
      versions: versions ?? [addressVersion('v1'), addressVersion('v2')],
      conversion,
    },
  };
}
