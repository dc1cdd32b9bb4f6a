import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { statefulSets } from './stateful-set.ts';
import type { StatefulSet, StatefulSetSpec } from './stateful-set.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = statefulSets;

function decoded(change: (spec: StatefulSetSpec) => void = () => undefined): StatefulSet {
  const statefulSet = parse(`
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: db, namespace: default}
    spec:
      serviceName: db
      selector: {matchLabels: {app: db}}
      template:
        metadata: {labels: {app: db}}
        spec:
          containers:
          - {name: db, image: "db:1", volumeMounts: [{name: data, mountPath: /data}]}
      volumeClaimTemplates:
      - metadata: {name: data}
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}`) as StatefulSet;
  change(statefulSet.spec);
  strategy.default!(statefulSet);
  return statefulSet;
}

const errorsOf = (change: (spec: StatefulSetSpec) => void): string[] =>
  strategy.validate!(decoded(change)).map(formatFieldError);

describe('default()', () => {
  it('fills in what upstream fills in', () => {
    expect(decoded().spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          spec: { volumeMode: 'Filesystem', resources: { requests: { storage: '1Gi' } } },
          status: { phase: 'Pending' },
        },
      ],
    });
    // Who names the strategy gets no parameters for it.
    expect(decoded((s) => (s.updateStrategy = { type: 'RollingUpdate' })).spec.updateStrategy).toEqual({
      type: 'RollingUpdate',
    });
  });

  it('bears a StatefulSet without a spec, which validation then refuses', () => {
    const bare = { metadata: { name: 'a', namespace: 'd' } } as StatefulSet;
    strategy.default!(bare);
    expect(strategy.validate!(bare).map(formatFieldError)).toEqual([
      'spec.selector: Required value',
      'spec.template.spec.containers: Required value',
    ]);
  });
});

describe('validate()', () => {
  it('passes the usual StatefulSet, whose containers mount its claims', () => {
    expect(errorsOf(() => undefined)).toEqual([]);
    expect(errorsOf((s) => delete s.volumeClaimTemplates)).toEqual([
      'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
    ]);
  });

  it('wants a name that pods can have', () => {
    expect(strategy.validateName!('a.b', false)).toEqual(['must not contain dots']);
  });

  it.each<[string, (spec: StatefulSetSpec) => void, string]>([
    [
      'an order of its own',
      (s) => (s.podManagementPolicy = 'Odd'),
      `spec.podManagementPolicy: Invalid value: "Odd": must be 'OrderedReady' or 'Parallel'`,
    ],
    [
      'another strategy',
      (s) => (s.updateStrategy = { type: 'Foo' }),
      `spec.updateStrategy: Invalid value: {"type":"Foo"}: must be 'RollingUpdate' or 'OnDelete'`,
    ],
    [
      'parameters of another strategy',
      (s) => (s.updateStrategy = { type: 'OnDelete', rollingUpdate: { partition: 1 } }),
      `spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy 'RollingUpdate'`,
    ],
    [
      'a negative partition',
      (s) => (s.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: -1 } }),
      'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a standstill',
      (s) => (s.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } }),
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0',
    ],
    [
      'another fate of claims',
      (s) => (s.persistentVolumeClaimRetentionPolicy = { whenDeleted: 'Burn' }),
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Burn": supported values: "Retain", "Delete"',
    ],
    [
      'negative ordinals',
      (s) => (s.ordinals = { start: -1 }),
      'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'an empty selector',
      (s) => (s.selector = {}),
      'spec.selector: Invalid value: {}: empty selector is invalid for statefulset',
    ],
    [
      'a service name that is no label',
      (s) => (s.serviceName = 'a.b'),
      'spec.serviceName: Invalid value: "a.b": must not contain dots',
    ],
    [
      'claims that could not be made',
      (s) => (s.volumeClaimTemplates![0]!.spec!.accessModes = []),
      'spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required',
    ],
    [
      'pods that end',
      (s) => (s.template.spec.restartPolicy = 'Never'),
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'a deadline on pods',
      (s) => (s.template.spec.activeDeadlineSeconds = 1),
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported',
    ],
  ])('refuses %s', (_name, change, message) => {
    expect(errorsOf(change)).toContain(message);
  });
});

const FORBIDDEN =
  "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

describe('updates', () => {
  const updateErrors = (next: StatefulSet, previous = decoded()): string[] =>
    strategy.validateUpdate!(next, previous).map(formatFieldError);

  it('change the seven fields that may change', () => {
    const next = decoded((s) => {
      Object.assign(s, { replicas: 4, ordinals: { start: 2 }, minReadySeconds: 3, revisionHistoryLimit: 1 });
      s.updateStrategy = { type: 'OnDelete' };
      s.persistentVolumeClaimRetentionPolicy = { whenScaled: 'Delete' };
      s.template.spec.containers[0]!.image = 'db:2';
    });
    expect(updateErrors(next)).toEqual([]);
  });

  it.each<[string, (spec: StatefulSetSpec) => void]>([
    ['service', (s) => (s.serviceName = 'other')],
    ['order', (s) => (s.podManagementPolicy = 'Parallel')],
    ['claims', (s) => (s.volumeClaimTemplates![0]!.spec!.resources!.requests = { storage: '2Gi' })],
    ['selector', (s) => (s.selector.matchExpressions = [{ key: 'app', operator: 'Exists' }])],
  ])('keep the %s', (_name, change) => {
    expect(updateErrors(decoded(change))).toEqual([FORBIDDEN]);
  });

  it('let a template be that was invalid when it was stored, and a service name', () => {
    const spoil = (s: StatefulSetSpec): void => {
      s.template.spec.containers[0]!.image = '';
      s.serviceName = 'a.b';
    };
    const next = decoded(spoil);
    next.spec.replicas = 3;
    expect(updateErrors(next, decoded(spoil))).toEqual([]);
    expect(updateErrors(decoded((s) => (s.template.spec.containers[0]!.image = '')))).toEqual([
      'spec.template.spec.containers[0].image: Required value',
    ]);
  });

  it('of the status are counted through', () => {
    const previous = decoded();
    strategy.prepareForCreate!(previous, context);
    expect(previous.status).toEqual({ replicas: 0, availableReplicas: 0 });
    previous.status!.collisionCount = 3;
    const next = structuredClone(previous);
    next.status = { replicas: 1, readyReplicas: 1, currentReplicas: 2, availableReplicas: 2, observedGeneration: -1 };
    expect(strategy.status!.validateUpdate!(next, previous).map(formatFieldError)).toEqual([
      'status.observedGeneration: Invalid value: -1: must be greater than or equal to 0',
      'status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas',
      'status.collisionCount: Invalid value: 0: cannot be decremented',
    ]);
  });
});

it('warns of a limit that keeps everything', () => {
  expect(
    strategy.warnings!(
      decoded((s) => (s.revisionHistoryLimit = -1)),
      undefined,
    ),
  ).toEqual([
    'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
  ]);
  expect(strategy.warnings!(decoded(), undefined)).toEqual([]);
});

it('columns are those of kubectl', () => {
  const statefulSet = decoded((spec) => (spec.replicas = 3));
  statefulSet.status = { replicas: 3, readyReplicas: 2 };
  expect(statefulSets.additionalPrinterColumns.map(({ name, cell }) => [name, cell(statefulSet, 0)])).toEqual([
    ['Ready', '2/3'],
    ['Age', '<unknown>'],
    ['Containers', 'db'],
    ['Images', 'db:1'],
  ]);
});
