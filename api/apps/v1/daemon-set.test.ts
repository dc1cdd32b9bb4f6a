import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { daemonSets } from './daemon-set.ts';
import type { DaemonSet, DaemonSetSpec } from './daemon-set.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = daemonSets;

function decoded(change: (spec: DaemonSetSpec) => void = () => undefined): DaemonSet {
  const daemonSet = parse(`
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: agent, namespace: default}
    spec:
      selector: {matchLabels: {app: agent}}
      template:
        metadata: {labels: {app: agent}}
        spec:
          nodeSelector: {disk: fast}
          containers: [{name: agent, image: "agent:1"}]`) as DaemonSet;
  change(daemonSet.spec);
  strategy.default!(daemonSet);
  return daemonSet;
}

const errorsOf = (change: (spec: DaemonSetSpec) => void): string[] =>
  strategy.validate!(decoded(change)).map(formatFieldError);

describe('default()', () => {
  it('fills in what upstream fills in', () => {
    expect(decoded().spec).toMatchObject({
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      template: { spec: { restartPolicy: 'Always' } },
    });
    expect(decoded((spec) => (spec.updateStrategy = { type: 'OnDelete' })).spec.updateStrategy).toEqual({
      type: 'OnDelete',
    });
  });

  it('bears a DaemonSet without a spec, which validation then refuses', () => {
    const bare = { metadata: { name: 'a', namespace: 'd' } } as DaemonSet;
    strategy.default!(bare);
    expect(strategy.validate!(bare).map(formatFieldError)).toEqual([
      'spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`',
      'spec.template.spec.containers: Required value',
    ]);
  });
});

describe('validate()', () => {
  it('passes the usual DaemonSet', () => {
    expect(errorsOf(() => undefined)).toEqual([]);
  });

  it.each<[string, (spec: DaemonSetSpec) => void, string]>([
    [
      'an empty selector',
      (s) => (s.selector = {}),
      'spec.selector: Invalid value: {}: empty selector is invalid for daemonset',
    ],
    [
      'another template',
      (s) => (s.template.metadata!.labels = { app: 'x' }),
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
    [
      'pods that end',
      (s) => (s.template.spec.restartPolicy = 'OnFailure'),
      'spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"',
    ],
    [
      'a deadline',
      (s) => (s.template.spec.activeDeadlineSeconds = 5),
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported',
    ],
    [
      'a disk that several nodes write',
      (s) => (s.template.spec.volumes = [{ name: 'a', gcePersistentDisk: { pdName: 'x' } }]),
      'spec.template.spec.volumes[0].gcePersistentDisk.readOnly: Invalid value: false: must be true for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is read-only',
    ],
    [
      'another strategy',
      (s) => (s.updateStrategy = { type: 'Foo' }),
      'spec.updateStrategy: Unsupported value: "Foo": supported values: "RollingUpdate", "OnDelete"',
    ],
    [
      'surge and unavailable at once',
      (s) => (s.updateStrategy = { rollingUpdate: { maxSurge: '10%', maxUnavailable: 1 } }),
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "10%": may not be set when maxUnavailable is non-zero',
    ],
    [
      'neither',
      (s) => (s.updateStrategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } }),
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0',
    ],
    [
      'more than all',
      (s) => (s.updateStrategy = { rollingUpdate: { maxUnavailable: '120%' } }),
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "120%": must not be greater than 100%',
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

  it('count the templates in an annotation that no client changes', () => {
    const first = decoded();
    strategy.prepareForCreate!(first, context);
    const annotation = 'deprecated.daemonset.template.generation';
    expect(first.metadata.annotations).toEqual({ [annotation]: '1' });
    expect(first.status).toEqual({
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    });
    const same = structuredClone(first);
    same.metadata.annotations = { [annotation]: '9', a: 'b' };
    strategy.prepareForUpdate!(same, first, context);
    expect(same.metadata.annotations).toEqual({ [annotation]: '1', a: 'b' });
    const changed = structuredClone(first);
    changed.spec.template.spec.containers[0]!.image = 'agent:2';
    strategy.prepareForUpdate!(changed, first, context);
    expect(changed.metadata.annotations).toEqual({ [annotation]: '2' });
  });

  it('of the status are counted through', () => {
    const previous = decoded();
    previous.status = { ...zero, collisionCount: 2 };
    const next = structuredClone(previous);
    next.status = { ...zero, numberReady: -1, collisionCount: 1 };
    expect(strategy.status!.validateUpdate!(next, previous).map(formatFieldError)).toEqual([
      'status.numberReady: Invalid value: -1: must be greater than or equal to 0',
      'status.collisionCount: Invalid value: 1: cannot be decremented',
    ]);
  });
});

const zero = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };

it('columns are those of kubectl', () => {
  const daemonSet = decoded();
  daemonSet.status = { ...zero, desiredNumberScheduled: 3, currentNumberScheduled: 2, updatedNumberScheduled: 1 };
  expect(daemonSets.additionalPrinterColumns.map(({ name, cell }) => [name, cell(daemonSet, 0)])).toEqual([
    ['Desired', 3],
    ['Current', 2],
    ['Ready', 0],
    ['Up-to-date', 1],
    ['Available', 0],
    ['Node Selector', 'disk=fast'],
    ['Age', '<unknown>'],
    ['Containers', 'agent'],
    ['Images', 'agent:1'],
    ['Selector', 'app=agent'],
  ]);
});
