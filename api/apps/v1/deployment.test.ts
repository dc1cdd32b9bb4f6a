import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { deployments } from './deployment.ts';
import type { Deployment } from './deployment.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = deployments;

/** A Deployment that anyone could apply, with `change` made to its spec before defaults. */
function decoded(change: (spec: Deployment['spec']) => void = () => undefined): Deployment {
  const deployment = parse(`
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: default}
    spec:
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers: [{name: web, image: "nginx:1.27"}]`) as Deployment;
  change(deployment.spec);
  strategy.default!(deployment);
  return deployment;
}

const errorsOf = (change: (spec: Deployment['spec']) => void): string[] =>
  strategy.validate!(decoded(change)).map(formatFieldError);

describe('default()', () => {
  it('fills in what upstream fills in', () => {
    const { spec } = decoded();
    expect(spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    });
    expect(spec.template.spec).toMatchObject({ restartPolicy: 'Always', dnsPolicy: 'ClusterFirst' });
    expect(decoded((s) => (s.replicas = 0)).spec.replicas).toBe(0);
    expect(decoded((s) => (s.strategy = { type: 'Recreate' })).spec.strategy).toEqual({ type: 'Recreate' });
  });

  it('bears a Deployment without a spec, which validation then refuses', () => {
    const bare = { metadata: { name: 'a', namespace: 'd' } } as Deployment;
    strategy.default!(bare);
    expect(strategy.validate!(bare).map(formatFieldError)).toEqual([
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`',
      'spec.template.spec.containers: Required value',
    ]);
  });
});

describe('validate()', () => {
  it('passes the usual Deployment', () => {
    expect(errorsOf(() => undefined)).toEqual([]);
  });

  it('wants the template to carry the labels of the selector', () => {
    expect(errorsOf((spec) => (spec.template.metadata!.labels = { app: 'other' }))).toEqual([
      'spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`',
    ]);
  });

  it.each<[string, (spec: Deployment['spec']) => void, string]>([
    [
      'an empty selector',
      (s) => (s.selector = {}),
      'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    ],
    [
      'negative replicas',
      (s) => (s.replicas = -1),
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'pods that end',
      (s) => (s.template.spec.restartPolicy = 'Never'),
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'a deadline on pods',
      (s) => (s.template.spec.activeDeadlineSeconds = 1),
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
    ],
    [
      'a short deadline',
      (s) => Object.assign(s, { minReadySeconds: 60, progressDeadlineSeconds: 60 }),
      'spec.progressDeadlineSeconds: Invalid value: 60: must be greater than minReadySeconds',
    ],
    [
      'a strategy',
      (s) => (s.strategy = { type: 'Foo' }),
      'spec.strategy: Unsupported value: {"Type":"Foo","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
    [
      'Recreate with parameters',
      (s) => (s.strategy = { type: 'Recreate', rollingUpdate: { maxSurge: 1 } }),
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      'a standstill',
      (s) => (s.strategy = { rollingUpdate: { maxSurge: '0%', maxUnavailable: 0 } }),
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    ],
    [
      'more than all',
      (s) => (s.strategy = { rollingUpdate: { maxUnavailable: '101%' } }),
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
    [
      'no percentage',
      (s) => (s.strategy = { rollingUpdate: { maxSurge: 'many' } }),
      "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"many\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ],
  ])('refuses %s', (_name, change, message) => {
    expect(errorsOf(change)).toContain(message);
  });
});

describe('updates', () => {
  it('keep the selector', () => {
    const next = decoded((spec) => {
      spec.selector = { matchLabels: { app: 'b' } };
      spec.template.metadata!.labels = { app: 'b' };
    });
    expect(strategy.validateUpdate!(next, decoded()).map(formatFieldError)).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
    ]);
  });

  it('keep the status, and count a change of annotations as a generation', () => {
    const previous = decoded();
    Object.assign(previous, { status: { replicas: 3 } });
    previous.metadata.generation = 4;
    const next = structuredClone(previous);
    next.status = {};
    next.metadata.annotations = { a: 'b' };
    strategy.prepareForUpdate!(next, previous, context);
    expect(next.status).toEqual({ replicas: 3 });
    expect(next.metadata.generation).toBe(5);
  });

  it('of the status are counted through', () => {
    const previous = decoded();
    previous.status = { collisionCount: 2 };
    const next = structuredClone(previous);
    next.status = { replicas: 1, readyReplicas: 2, availableReplicas: 3, observedGeneration: -1 };
    expect(strategy.status!.validateUpdate!(next, previous).map(formatFieldError)).toEqual([
      'status.observedGeneration: Invalid value: -1: must be greater than or equal to 0',
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
      'status.collisionCount: Invalid value: 0: cannot be decremented',
    ]);
  });
});

it('columns show readiness, containers and selector', () => {
  const deployment = decoded((spec) => (spec.replicas = 3));
  deployment.status = { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 };
  const row = deployments.additionalPrinterColumns.map(({ name, cell }) => [name, cell(deployment, 0)]);
  expect(row).toEqual([
    ['Ready', '2/3'],
    ['Up-to-date', 3],
    ['Available', 1],
    ['Age', '<unknown>'],
    ['Containers', 'web'],
    ['Images', 'nginx:1.27'],
    ['Selector', 'app=web'],
  ]);
});

describe('warnings()', () => {
  const warningsOf = (next: Deployment, previous?: Deployment): string[] => strategy.warnings!(next, previous);

  it('of a new Deployment are about its name and its template', () => {
    expect(warningsOf(decoded())).toEqual([]);
    const next = decoded((spec) => (spec.template.spec!.nodeSelector = { 'beta.kubernetes.io/os': 'linux' }));
    next.metadata.name = 'a.b';
    expect(warningsOf(next)).toEqual([
      'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]',
      'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    ]);
  });

  it('of an update are about the template, when the generation moves', () => {
    const next = decoded((spec) => (spec.template.spec!.nodeSelector = { 'beta.kubernetes.io/os': 'linux' }));
    Object.assign(next.metadata, { name: 'a.b', generation: 2 });
    const previous = { ...next, metadata: { ...next.metadata, generation: 1 } };
    expect(warningsOf(next, previous)).toHaveLength(1);
    expect(warningsOf(next, next)).toEqual([]);
  });
});
