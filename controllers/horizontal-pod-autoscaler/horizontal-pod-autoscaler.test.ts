/** The controller over a server in memory: what is measured is made up, and time passes when the test says so. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { HorizontalPodAutoscaler } from '../../api/autoscaling/v2/types.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { resources } from '../../api/resources.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../../apiserver/testing.ts';
import { objectResponse } from '../../apiserver/responses.ts';
import { formatTime } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Controller, ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler.ts';
import { NOW_MS } from './testing.ts';

const DEFAULT = '/api/v1/namespaces/default';
const AUTOSCALERS = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

let server: TestServer;
/** Cores of each pod, in thousandths; undefined: nobody measures. */
let measured: number | undefined;
let nowMs: number;
let events: string[];
let controller: Controller;

beforeAll(async () => {
  server = await startTestServer({
    extend({ router, kinds, listers }) {
      const kind = kinds.find(({ resource }) => resource.schema === 'V1beta1PodMetrics')!;
      const pods = listers<Pod>({ group: '', plural: 'pods' });
      const items = () => (measured === undefined ? [] : pods.list().map((pod) => metricsOf(pod, measured!)));
      const list = () => Promise.resolve(objectResponse({ kind: 'PodMetricsList', items: items() }));
      router.addAsked(kind, { list });
    },
  });
});
afterAll(() => server.close());

const metricsOf = ({ metadata }: Pod, milli: number): object => ({
  metadata,
  timestamp: formatTime(nowMs),
  window: '15s',
  containers: [{ name: 'web', usage: { cpu: `${milli}m`, memory: '1Mi' } }],
});

beforeEach(async () => {
  measured = 100;
  nowMs = NOW_MS;
  events = [];
  controller = horizontalPodAutoscalerController(resources);
  for (const url of [AUTOSCALERS, DEPLOYMENTS, `${DEFAULT}/pods`])
    await server.call('DELETE', `${url}?gracePeriodSeconds=0`);
});

async function look(name = 'web'): Promise<ReconcileResult> {
  const client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
  await server.api.watchCache.freshen();
  const context: ControllerContext = {
    client,
    lister: <T extends ApiObject>({ group, names }: { group: string; names: { plural: string } }) =>
      server.api.listers({ group, plural: names.plural }) as unknown as Lister<T>,
    byIndex: () => [],
    events: { event: (_object, type, reason, message) => void events.push(`${type} ${reason} ${message}`) },
    now: () => nowMs,
    log: silentLogger,
    random: realRandom,
    signal: new AbortController().signal,
  };
  return controller.reconcile({ namespace: 'default', name }, context);
}

/** After the period between two looks. */
async function lookAgain(name = 'web'): Promise<ReconcileResult> {
  nowMs += 15_000;
  return look(name);
}

const TEMPLATE = (app: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'web', image: 'i', resources: { requests: { cpu: '100m' } } }] },
});

/** A Deployment whose replicas are all there, and its pods, an hour old. */
async function deploy(name: string, replicas: number): Promise<void> {
  const selector = { matchLabels: { app: name } };
  const spec = { replicas, selector, template: TEMPLATE(name) };
  await server.call('POST', DEPLOYMENTS, { metadata: { name }, spec });
  await addPods(name, replicas);
}

async function addPods(app: string, count: number): Promise<void> {
  const startTime = formatTime(NOW_MS - 3_600_000);
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: startTime }];
  const known = await server.call<{ items: unknown[] }>('GET', `${DEFAULT}/pods?labelSelector=app%3D${app}`);
  for (let i = known.items.length; i < count; i++) {
    const { metadata, spec } = TEMPLATE(app);
    const pod = await server.call<Pod>('POST', `${DEFAULT}/pods`, {
      metadata: { ...metadata, name: `${app}-${i}` },
      spec: { ...spec, nodeName: 'n' },
    });
    await server.call('PUT', `${DEFAULT}/pods/${app}-${i}/status`, {
      ...pod,
      status: { phase: 'Running', startTime, conditions },
    });
  }
  const deployment = await server.call<ApiObject>('GET', `${DEPLOYMENTS}/${app}`);
  await server.call('PUT', `${DEPLOYMENTS}/${app}/status`, { ...deployment, status: { replicas: count } });
}

async function autoscale(spec: object, name = 'web', target = name): Promise<void> {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: target };
  await server.call('POST', AUTOSCALERS, { metadata: { name }, spec: { scaleTargetRef, maxReplicas: 10, ...spec } });
}

async function change(spec: object, name = 'web'): Promise<void> {
  const { status } = await server.send('PATCH', `${AUTOSCALERS}/${name}`, {
    body: { spec },
    contentType: 'application/merge-patch+json',
  });
  expect(status).toBe(200);
}

const cpuAt = (averageUtilization: number) => ({
  metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }],
});

const replicasOf = async (name = 'web'): Promise<number> =>
  (await server.call<{ spec: { replicas: number } }>('GET', `${DEPLOYMENTS}/${name}`)).spec.replicas;

type Status = NonNullable<HorizontalPodAutoscaler['status']>;

const statusOf = async (name = 'web'): Promise<Status> =>
  (await server.call<HorizontalPodAutoscaler>('GET', `${AUTOSCALERS}/${name}`)).status!;

const conditionsOf = ({ conditions = [] }: Status): string[] =>
  conditions.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);

const GOT_SCALE = "AbleToScale=True SucceededGetScale: the HPA controller was able to get the target's current scale";
const READY = 'AbleToScale=True ReadyForNewScale: recommended size matches current size';
const COUNTED =
  'ScalingActive=True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)';
const WITHIN = 'ScalingLimited=False DesiredWithinRange: the desired count is within the acceptable range';

describe('horizontalPodAutoscalerController', () => {
  it('scales up, says so, and looks again after 15 s', async () => {
    await deploy('web', 2);
    await autoscale(cpuAt(50));
    expect(await look()).toEqual({ requeueAfterMs: 15_000 });
    expect(await replicasOf()).toBe(4);
    expect(events).toEqual([
      'Normal SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target',
    ]);
    const status = await statusOf();
    expect(status).toMatchObject({
      currentReplicas: 2,
      desiredReplicas: 4,
      lastScaleTime: '2026-01-02T03:04:05Z',
      currentMetrics: [
        { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 100, averageValue: '100m' } } },
      ],
    });
    expect(conditionsOf(status)).toEqual([
      'AbleToScale=True SucceededRescale: the HPA controller was able to update the target scale to 4',
      COUNTED,
      WITHIN,
    ]);
    // Its own write of the status brings the key back: nothing is done before it is time.
    nowMs += 4000;
    expect(await look()).toEqual({ requeueAfterMs: 11_000 });
    await addPods('web', 4);
    measured = 50;
    nowMs += 11_000;
    expect(await look()).toEqual({ requeueAfterMs: 15_000 });
    expect(conditionsOf(await statusOf())).toEqual([READY, COUNTED, WITHIN]);
    expect(await statusOf()).toMatchObject({ currentReplicas: 4, desiredReplicas: 4 });
    expect(events).toHaveLength(1);
  });

  it('scales down when five minutes have asked for it', async () => {
    await deploy('web', 4);
    await autoscale(cpuAt(50));
    measured = 10;
    await look();
    expect(await replicasOf()).toBe(4);
    expect(conditionsOf(await statusOf())[0]).toBe(
      'AbleToScale=True ScaleDownStabilized: recent recommendations were higher than current one, applying the highest recent recommendation',
    );
    for (let i = 0; i < 20; i++) await lookAgain();
    expect(await replicasOf()).toBe(4);
    await lookAgain();
    expect(await replicasOf()).toBe(1);
    expect(events).toEqual(['Normal SuccessfulRescale New size: 1; reason: All metrics below target']);
  });

  it('takes a change of its spec at once, and follows behaviour', async () => {
    await deploy('web', 4);
    await autoscale(cpuAt(50));
    measured = 10;
    await look();
    await change({
      behavior: {
        scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] },
      },
    });
    nowMs += 1000;
    await look();
    expect(await replicasOf()).toBe(3);
    expect(conditionsOf(await statusOf())[2]).toBe(
      'ScalingLimited=True ScaleDownLimit: the desired replica count is decreasing faster than the maximum scale rate',
    );
    await lookAgain();
    expect(await replicasOf()).toBe(3);
    for (let i = 0; i < 3; i++) await lookAgain();
    expect(await replicasOf()).toBe(2);
  });

  it('keeps to its bounds before it looks at metrics', async () => {
    await deploy('web', 2);
    await autoscale({ minReplicas: 3, ...cpuAt(50) });
    measured = undefined;
    await look();
    expect(await replicasOf()).toBe(3);
    await change({ minReplicas: 1, maxReplicas: 2 });
    await look();
    expect(await replicasOf()).toBe(2);
    expect(events).toEqual([
      'Normal SuccessfulRescale New size: 3; reason: Current number of replicas below Spec.MinReplicas',
      'Normal SuccessfulRescale New size: 2; reason: Current number of replicas above Spec.MaxReplicas',
    ]);
    expect(await statusOf()).not.toHaveProperty('currentMetrics.0');
  });

  it('leaves a target alone that is scaled to nothing', async () => {
    await deploy('web', 0);
    await autoscale(cpuAt(50));
    await look();
    expect(conditionsOf(await statusOf())).toEqual([
      GOT_SCALE,
      'ScalingActive=False ScalingDisabled: scaling is disabled since the replica count of the target is zero',
    ]);
    expect(await statusOf()).toMatchObject({ desiredReplicas: 0 });
    expect(events).toEqual([]);
  });

  it('takes the most that a metric asks for, and holds still when one of several fails and the other asks for fewer', async () => {
    await deploy('web', 2);
    const memory = {
      type: 'Resource',
      resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '512Ki' } },
    };
    const queue = { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'Value', value: '1' } } };
    await autoscale({ metrics: [...cpuAt(100).metrics, memory] });
    await look();
    expect(await replicasOf()).toBe(4);
    expect(events.pop()).toBe('Normal SuccessfulRescale New size: 4; reason: memory resource above target');
    await addPods('web', 4);
    await change({ metrics: [...cpuAt(400).metrics, queue] });
    await lookAgain();
    const problem =
      'failed to get external metric queue: unable to get external metric default/queue/nil: unable to fetch metrics from external metrics API: the server could not find the requested resource (get queue.external.metrics.k8s.io)';
    expect(events).toEqual([
      `Warning FailedGetExternalMetric ${problem}`,
      `Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 2), first error is: failed to get queue external metric value: ${problem}`,
    ]);
    expect(conditionsOf(await statusOf())[1]).toBe(
      `ScalingActive=False FailedGetExternalMetric: the HPA was unable to compute the replica count: ${problem}`,
    );
    expect((await statusOf()).currentMetrics).toMatchObject([{ type: 'Resource' }, { type: '' }]);
    expect(await replicasOf()).toBe(4);
    // Asking for more, it is heard.
    await change({ metrics: [...cpuAt(80).metrics, queue] });
    await lookAgain();
    expect(await replicasOf()).toBe(5);
  });

  it.each([
    [
      'nobody measures',
      cpuAt(50),
      'FailedGetResourceMetric',
      'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API',
      'failed to get cpu resource metric value: ',
    ],
    [
      'there is no such container',
      {
        metrics: [
          {
            type: 'ContainerResource',
            containerResource: {
              name: 'cpu',
              container: 'log',
              target: { type: 'Utilization', averageUtilization: 50 },
            },
          },
        ],
      },
      'FailedGetContainerResourceMetric',
      'failed to get cpu utilization: unable to get metrics for resource cpu: container log not present in metrics for pod default/web-0',
      'failed to get log container metric value: ',
    ],
    [
      'nobody serves metrics of pods',
      {
        metrics: [
          { type: 'Pods', pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '1' } } },
        ],
      },
      'FailedGetPodsMetric',
      'unable to get metric hits: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
      'failed to get pods metric value: ',
    ],
    [
      'nobody serves metrics of objects',
      {
        metrics: [
          {
            type: 'Object',
            object: {
              metric: { name: 'hits' },
              describedObject: { kind: 'Service', name: 'web' },
              target: { type: 'Value', value: '1' },
            },
          },
        ],
      },
      'FailedGetObjectMetric',
      'unable to get metric hits: Service on default web/unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
      'failed to get object metric value: ',
    ],
  ])('says so when %s', async (what, spec, reason, message, prefix) => {
    await deploy('web', 1);
    await autoscale(spec);
    if (what === 'nobody measures') measured = undefined;
    await look();
    expect(events).toEqual([
      `Warning ${reason} ${message}`,
      `Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: ${prefix}${message}`,
    ]);
    const status = await statusOf();
    expect(conditionsOf(status)).toEqual([
      GOT_SCALE,
      `ScalingActive=False ${reason}: the HPA was unable to compute the replica count: ${message}`,
    ]);
    expect(status).toMatchObject({ currentReplicas: 1, desiredReplicas: 0, currentMetrics: [{ type: '' }] });
    expect(await replicasOf()).toBe(1);
  });

  it('says that a target is not there, again and again but not faster', async () => {
    await autoscale(cpuAt(50));
    expect(await look()).toEqual({ requeueAfterMs: 15_000 });
    expect(events).toEqual(['Warning FailedGetScale deployments.apps "web" not found']);
    expect(conditionsOf(await statusOf())).toEqual([
      `AbleToScale=False FailedGetScale: the HPA controller was unable to get the target's current scale: deployments.apps "web" not found`,
    ]);
    expect(await look()).toEqual({ requeueAfterMs: 15_000 });
    await deploy('web', 2);
    await lookAgain();
    expect(await replicasOf()).toBe(4);
    // And when it goes again.
    await server.call('DELETE', `${DEPLOYMENTS}/web`);
    expect(await lookAgain()).toEqual({ requeueAfterMs: 15_000 });
    expect(conditionsOf(await statusOf())[0]).toMatch(/^AbleToScale=False FailedGetScale: /);
    await server.call('DELETE', `${AUTOSCALERS}/web`);
    expect(await lookAgain()).toBeUndefined();
  });

  it.each([
    [{ apiVersion: 'apps/v1', kind: 'Gone' }, 'no matches for kind "Gone" in group "apps"'],
    [{ apiVersion: 'a/b/c', kind: 'Deployment' }, 'unexpected GroupVersion string: a/b/c'],
    [{ apiVersion: 'v1', kind: 'ConfigMap' }, 'the server could not find the requested resource'],
  ])('says why it cannot scale %j', async (target, message) => {
    const scaleTargetRef = { name: 'web', ...target };
    await autoscale({ scaleTargetRef, ...cpuAt(50) });
    await look();
    expect(events).toEqual([`Warning FailedGetScale ${message}`]);
  });

  it('stops two that select the same pods, until one goes', async () => {
    await deploy('web', 1);
    await autoscale(cpuAt(50), 'a', 'web');
    await autoscale(cpuAt(50), 'b', 'web');
    await look('a');
    expect(await replicasOf()).toBe(2);
    events = [];
    await look('b');
    await lookAgain('a');
    const message = 'pods by selector app=web are controlled by multiple HPAs: [default/a default/b]';
    const told = [`Warning AmbiguousSelector ${message}`, `Warning FailedComputeMetricsReplicas ${message}`];
    expect(events).toEqual([...told, ...told]);
    expect(conditionsOf(await statusOf('a'))[1]).toBe(`ScalingActive=False AmbiguousSelector: ${message}`);
    await server.call('DELETE', `${AUTOSCALERS}/b`);
    await look('b');
    await addPods('web', 2);
    await lookAgain('a');
    expect(await replicasOf()).toBe(4);
  });

  it('scales kinds of one’s own, and asks them for a selector', async () => {
    const names = { plural: 'farms', singular: 'farm', kind: 'Farm' };
    const field = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec: field, status: field } } };
    const scale = {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    };
    const version = { name: 'v1', served: true, storage: true, schema, subresources: { status: {}, scale } };
    await server.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: 'farms.example.com' },
      spec: { group: 'example.com', scope: 'Namespaced', names, versions: [version] },
    });
    const farms = '/apis/example.com/v1/namespaces/default/farms';
    await server.call('POST', farms, {
      apiVersion: 'example.com/v1',
      kind: 'Farm',
      metadata: { name: 'web' },
      spec: { replicas: 1 },
    });
    const scaleTargetRef = { apiVersion: 'example.com/v1', kind: 'Farm', name: 'web' };
    await autoscale({ scaleTargetRef, ...cpuAt(50) });
    await look();
    expect(events).toEqual([
      'Warning SelectorRequired selector is required',
      'Warning FailedComputeMetricsReplicas selector is required',
    ]);
    expect(conditionsOf(await statusOf())[1]).toBe(
      "ScalingActive=False InvalidSelector: the HPA target's scale is missing a selector",
    );
    await deploy('web', 1);
    const farm = await server.call<ApiObject>('GET', `${farms}/web`);
    await server.call('PUT', `${farms}/web/status`, { ...farm, status: { replicas: 1, selector: 'app=web' } });
    await lookAgain();
    expect(await server.call('GET', `${farms}/web`)).toMatchObject({ spec: { replicas: 2 } });
  });

  it('asks for external metrics whoever serves them', async () => {
    const group = 'external.metrics.k8s.io';
    const names = { plural: 'queue', singular: 'queue', kind: 'QueueLength' };
    const schema = { openAPIV3Schema: { type: 'object', properties: { value: { type: 'string' } } } };
    await server.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: `queue.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved' } },
      spec: { group, scope: 'Namespaced', names, versions: [{ name: 'v1beta1', served: true, storage: true, schema }] },
    });
    const values = `/apis/${group}/v1beta1/namespaces/default/queue`;
    const head = { apiVersion: `${group}/v1beta1`, kind: 'QueueLength' };
    for (const [name, topic, value] of [
      ['a', 'orders', '40'],
      ['b', 'orders', '20500m'],
      ['c', 'other', '1000'],
    ])
      await server.call('POST', values, { ...head, metadata: { name, labels: { topic } }, value });
    await deploy('web', 3);
    const metric = { name: 'queue', selector: { matchLabels: { topic: 'orders' } } };
    const target = { type: 'AverageValue', averageValue: '12' };
    await autoscale({ metrics: [{ type: 'External', external: { metric, target } }] });
    await look();
    expect(await replicasOf()).toBe(6);
    const text =
      'external metric queue(&LabelSelector{MatchLabels:map[string]string{topic: orders,},MatchExpressions:[]LabelSelectorRequirement{},})';
    expect(events).toEqual([`Normal SuccessfulRescale New size: 6; reason: ${text} above target`]);
    expect((await statusOf()).currentMetrics).toEqual([
      { type: 'External', external: { metric, current: { averageValue: '20167m' } } },
    ]);
    await addPods('web', 6);
    await change({ metrics: [{ type: 'External', external: { metric, target: { type: 'Value', value: '121' } } }] });
    for (let i = 0; i < 21; i++) await lookAgain();
    expect(await replicasOf()).toBe(3);
    expect((await statusOf()).currentMetrics).toMatchObject([{ external: { current: { value: '60500m' } } }]);
  });

  it('says so when the target cannot be written', async () => {
    await deploy('web', 2);
    await autoscale(cpuAt(50));
    const hook = server.api.handler;
    const refusing = { ...server.api, handler: hook };
    server = { ...server, api: refusing };
    refusing.handler = async (request) =>
      request.method === 'PUT' && request.path.endsWith('/scale')
        ? objectResponse(
            { kind: 'Status', status: 'Failure', reason: 'Conflict', message: 'somebody was quicker', code: 409 },
            409,
          )
        : hook(request);
    await look();
    refusing.handler = hook;
    const why = 'cpu resource utilization (percentage of request) above target';
    expect(events).toEqual([`Warning FailedRescale New size: 4; reason: ${why}; error: somebody was quicker`]);
    expect(conditionsOf(await statusOf())[0]).toBe(
      'AbleToScale=False FailedUpdateScale: the HPA controller was unable to update the target scale: somebody was quicker',
    );
    await lookAgain();
    expect(await replicasOf()).toBe(4);
  });
});
