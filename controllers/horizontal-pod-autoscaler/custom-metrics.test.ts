/** Metrics of an adapter behind an APIService, with the paths and words of upstream's client. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { selectorFromMap } from '../../api/machinery/label-selector.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import { resources } from '../../api/resources.ts';
import type { FrontProxy, TestBackend } from '../../apiserver/aggregation/testing.ts';
import { answerJson, createFrontProxy, registerBackend, startBackend } from '../../apiserver/aggregation/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import type { ResourceRef } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { apiMetrics } from './api-metrics.ts';
import type { MetricsSource } from './metrics.ts';

const CUSTOM = '/apis/custom.metrics.k8s.io/v1beta2/namespaces/default';

let frontProxy: FrontProxy;
let backend: TestBackend;
let server: TestServer;
let metrics: MetricsSource;
let answer: { status?: number; body: unknown };

beforeAll(async () => {
  frontProxy = await createFrontProxy();
  backend = await startBackend(frontProxy, (_, response) =>
    typeof answer.body === 'string'
      ? void response.writeHead(answer.status ?? 200).end(answer.body)
      : answerJson(response, answer.body, answer.status),
  );
  server = await startTestServer({ frontProxy: frontProxy.identity });
  const user = { name: 'hpa', groups: [] };
  const lister = <T extends ApiObject>({ group, names }: ResourceRef): Lister<T> =>
    server.api.listers<T>({ group, plural: names.plural });
  const client = inProcessClient({ handler: server.api.handler, user, userAgent: 'test' });
  metrics = apiMetrics({ client, lister, byIndex: () => [], signal: new AbortController().signal }, resources);
});
afterAll(async () => {
  await server.close();
  await backend.close();
});

const selector = selectorFromMap({ app: 'web' });
const podsQuery = { metric: 'hits', namespace: 'default', selector, metricSelector: selectorFromMap({}) };
const pod = (name: string, value: string, more: object = {}): object => ({
  describedObject: { kind: 'Pod', name },
  timestamp: '2026-01-02T03:04:05Z',
  value,
  ...more,
});
const list = (...items: object[]): object => ({ kind: 'MetricValueList', items });
const lastUrl = (): string => decodeURIComponent(backend.requests.at(-1)!.url);
const objectOf = (apiVersion: string, kind: string): Parameters<MetricsSource['objectMetric']>[0] => ({
  ...{ metric: 'hits', namespace: 'default', metricSelector: selectorFromMap({ path: '/' }) },
  object: { apiVersion, kind, name: 'web' },
});

describe('apiMetrics() [W10]', () => {
  it('says so while nobody serves the group', async () => {
    const words = 'no custom metrics API (custom.metrics.k8s.io) registered';
    await expect(metrics.podsMetrics(podsQuery)).rejects.toThrow(
      `unable to fetch metrics from custom metrics API: ${words}`,
    );
  });

  it('reads metrics of pods', async () => {
    await registerBackend(server, backend, { group: 'custom.metrics.k8s.io', version: 'v1beta1' });
    await registerBackend(server, backend, { group: 'custom.metrics.k8s.io', version: 'v1beta2' });
    answer = { body: list(pod('a', '10', { windowSeconds: 15 }), pod('b', '1500m')) };
    const timestampMs = Date.UTC(2026, 0, 2, 3, 4, 5);
    expect([...(await metrics.podsMetrics(podsQuery))]).toEqual([
      ['a', { value: 10_000, timestampMs, windowMs: 15_000 }],
      ['b', { value: 1500, timestampMs, windowMs: 60_000 }],
    ]);
    expect(lastUrl()).toBe(`${CUSTOM}/pods/*/hits?labelSelector=app=web`);
    answer = { body: list() };
    await expect(metrics.podsMetrics(podsQuery)).rejects.toThrow(/^no metrics returned from custom metrics API$/);
  });

  it('reads the metric of an object, and of the namespace itself', async () => {
    answer = { body: list(pod('web', '2500m')) };
    expect(await metrics.objectMetric(objectOf('networking.k8s.io/v1', 'Ingress'))).toBe(2500);
    expect(lastUrl()).toBe(`${CUSTOM}/ingresses.networking.k8s.io/web/hits?metricLabelSelector=path=/`);
    expect(await metrics.objectMetric(objectOf('v1', 'Service'))).toBe(2500);
    expect(lastUrl()).toBe(`${CUSTOM}/services/web/hits?metricLabelSelector=path=/`);
    expect(await metrics.objectMetric(objectOf('v1', 'Namespace'))).toBe(2500);
    expect(lastUrl()).toBe(`${CUSTOM}/metrics/hits?metricLabelSelector=path=/`);
    answer = { body: list(pod('a', '1'), pod('b', '1')) };
    await expect(metrics.objectMetric(objectOf('v1', 'Service'))).rejects.toThrow(
      'API: the custom metrics API server returned 2 results when we asked for exactly one',
    );
  });

  it('passes on what the adapter says, or words it as upstream does', async () => {
    const message = 'the server could not find the metric hits for pods';
    answer = { status: 404, body: { kind: 'Status', status: 'Failure', message, reason: 'NotFound', code: 404 } };
    await expect(metrics.podsMetrics(podsQuery)).rejects.toThrow(`custom metrics API: ${message}`);
    await registerBackend(server, backend, { group: 'external.metrics.k8s.io', version: 'v1beta1' });
    answer = { status: 503, body: '' };
    const asked = { metric: 'queue', namespace: 'default', metricSelector: selector };
    await expect(metrics.externalMetrics(asked)).rejects.toThrow(
      'external metrics API: the server is currently unable to handle the request (get queue.external.metrics.k8s.io)',
    );
    answer = { body: { kind: 'ExternalMetricValueList', items: [{ value: '3' }, { value: '250m' }] } };
    expect(await metrics.externalMetrics(asked)).toEqual([3000, 250]);
    expect(lastUrl()).toBe('/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue?labelSelector=app=web');
  });
});
