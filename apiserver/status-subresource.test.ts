import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { resources } from '../api/resources.ts';
import { merge, sampleOf } from '../test/every-kind/samples.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { apiVersionOf } from '../api/machinery/resource.ts';
import type { Resource } from '../api/machinery/resource.ts';
import type { TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

type Sample = Record<string, unknown>;

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
const workload = { selector: { matchLabels: { a: 'b' } }, template };

const POLICY_RULE = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };

interface Rules {
  spec: Sample;
  /** What of metadata upstream's status strategy resets (`PrepareForUpdate` of each kind's `strategy.go`). */
  kept: readonly string[];
  /** A change of spec that the main resource would take. */
  change: Sample;
  status: Sample;
}

const RULES: Readonly<Record<string, Rules>> = {
  cronjobs: {
    spec: {
      schedule: '@daily',
      jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
    },
    kept: [],
    change: { suspend: true },
    status: { lastScheduleTime: '2026-01-01T00:00:00Z' },
  },
  horizontalpodautoscalers: {
    spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web' } },
    kept: [],
    change: { maxReplicas: 4 },
    status: { desiredReplicas: 2 },
  },
  jobs: {
    spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
    kept: [],
    change: { suspend: true },
    status: { active: 1 },
  },
  poddisruptionbudgets: {
    spec: { minAvailable: 1 },
    kept: [],
    change: { minAvailable: 2 },
    status: { currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 1 },
  },
  replicationcontrollers: {
    spec: { template },
    kept: [],
    change: { replicas: 7 },
    status: { replicas: 0, observedGeneration: 1 },
  },
  daemonsets: {
    spec: workload,
    kept: [],
    change: { minReadySeconds: 7 },
    status: { numberReady: 1, currentNumberScheduled: 1, desiredNumberScheduled: 1, numberMisscheduled: 0 },
  },
  deployments: { spec: workload, kept: ['labels'], change: { replicas: 7 }, status: { observedGeneration: 1 } },
  replicasets: { spec: workload, kept: [], change: { replicas: 7 }, status: { replicas: 0, observedGeneration: 1 } },
  namespaces: { spec: {}, kept: [], change: { finalizers: [] }, status: { phase: 'Active' } },
  nodes: { spec: {}, kept: [], change: { unschedulable: true }, status: { nodeInfo: { osImage: 'x' } } },
  pods: {
    spec: template.spec,
    kept: ['ownerReferences'],
    change: { activeDeadlineSeconds: 9 },
    status: { phase: 'Running' },
  },
  statefulsets: { spec: workload, kept: [], change: { replicas: 7 }, status: { replicas: 0, observedGeneration: 1 } },
  services: {
    spec: { ports: [{ port: 80 }] },
    kept: [],
    change: { sessionAffinity: 'ClientIP' },
    status: {
      conditions: [{ type: 'X', status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  },
  validatingadmissionpolicies: {
    spec: { matchConstraints: { resourceRules: [POLICY_RULE] }, validations: [{ expression: 'true' }] },
    kept: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
    change: { failurePolicy: 'Ignore' },
    status: { observedGeneration: 1 },
  },
};

const ALL_KEPT = ['labels', 'annotations', 'finalizers', 'ownerReferences'];

/** Kinds whose objects are in the samples of the suite of every kind; those that are not here keep nothing. */
const KEPT: Readonly<Record<string, readonly string[]>> = {
  apiservices: ALL_KEPT,
  flowschemas: ALL_KEPT,
  prioritylevelconfigurations: ALL_KEPT,
  resourceclaims: ALL_KEPT,
  servicecidrs: ALL_KEPT,
  volumeattachments: ALL_KEPT,
};

function rulesOf(resource: Resource): Rules & { name: string } {
  const { plural } = resource.names;
  const rules = RULES[plural];
  if (rules !== undefined) return { ...rules, name: 'subject' };
  const { object, change } = sampleOf(resource);
  return {
    name: object.metadata.name!,
    spec: object.spec as Sample,
    kept: KEPT[plural] ?? [],
    change: (change?.['spec'] ?? {}) as Sample,
    status: object.status!,
  };
}

// Of definitions the server itself writes the status at the same time.
const withStatus = resources.filter(
  ({ subresources, view, names }) =>
    subresources.status !== undefined && view === undefined && names.plural !== 'customresourcedefinitions',
);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

function collectionOf({ group, version, scope, names }: Resource): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return scope === 'Cluster' ? `${root}/${names.plural}` : `${root}/namespaces/default/${names.plural}`;
}

const owner = (uid: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid });

describe('a write to /status', () => {
  it.each(withStatus.map((resource) => [resource.names.plural, resource] as const))(
    'of %s changes status and what upstream lets it change of metadata',
    async (_plural, resource) => {
      const { name, spec, kept, change, status } = rulesOf(resource);
      const metadata = {
        labels: { l: '1' },
        annotations: { a: '1' },
        finalizers: ['a.b/c'],
        ownerReferences: [owner('1')],
      };
      const made = await server.call<ApiObject & { spec: Sample }>('POST', collectionOf(resource), {
        apiVersion: apiVersionOf(resource),
        kind: resource.names.kind,
        metadata: { name, ...metadata },
        spec,
      });
      const wanted = {
        labels: { l: '2' },
        annotations: { a: '2' },
        finalizers: ['a.b/d'],
        ownerReferences: [owner('2')],
      };
      const written = await server.call<ApiObject>('PUT', `${collectionOf(resource)}/${name}/status`, {
        ...made,
        metadata: { ...made.metadata, ...wanted },
        spec: merge(made.spec, change),
        status,
      });
      const expected = Object.entries(wanted).map(([field, value]) => [
        field,
        kept.includes(field) ? made.metadata[field as keyof typeof wanted] : value,
      ]);
      expect(written).toMatchObject({ spec: made.spec, status, metadata: Object.fromEntries(expected) });
      expect(written.metadata.generation).toBe(made.metadata.generation);
    },
  );

  it('leaves what it does not change unowned when it is an apply', async () => {
    const url = `${collectionOf(resources.find(({ names }) => names.plural === 'deployments')!)}/subject`;
    const body = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'subject', labels: { l: '3' }, annotations: { a: '3' } },
      status: { observedGeneration: 1 },
    };
    const query = 'fieldManager=applier&force=true';
    const options = { body, contentType: 'application/apply-patch+yaml' };
    const { body: applied } = await server.send('PATCH', `${url}/status?${query}`, options);
    const { labels, annotations, managedFields = [] } = (applied as ApiObject).metadata;
    expect({ labels, annotations }).toEqual({ labels: { l: '1' }, annotations: { a: '3' } });
    expect(managedFields.find(({ manager }) => manager === 'applier')?.fieldsV1).toEqual({
      'f:metadata': { 'f:annotations': { 'f:a': {} } },
      'f:status': { 'f:observedGeneration': {} },
    });
  });
});
