import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import { replicationControllers } from './replication-controller.ts';
import type { ReplicationController, ReplicationControllerSpec } from './replication-controller.ts';

const { strategy } = replicationControllers;

function decoded(change: (spec: ReplicationControllerSpec) => void = () => undefined): ReplicationController {
  const controller = parse(`
    apiVersion: v1
    kind: ReplicationController
    metadata: {name: web, namespace: default}
    spec:
      template:
        metadata: {labels: {app: web}}
        spec:
          containers: [{name: web, image: "nginx:1.27"}]`) as ReplicationController;
  change(controller.spec);
  strategy.default!(controller);
  return controller;
}

const errorsOf = (change: (spec: ReplicationControllerSpec) => void): string[] =>
  strategy.validate!(decoded(change)).map(formatFieldError);

it('takes selector and labels from its template', () => {
  const { metadata, spec } = decoded();
  expect(metadata.labels).toEqual({ app: 'web' });
  expect(spec).toMatchObject({
    replicas: 1,
    selector: { app: 'web' },
    template: { spec: { restartPolicy: 'Always' } },
  });
  expect(decoded((s) => (s.selector = { app: 'x' })).spec.selector).toEqual({ app: 'x' });
});

describe('validate()', () => {
  it('passes the usual one, and misses what is not there', () => {
    expect(errorsOf(() => undefined)).toEqual([]);
    const bare = { metadata: { name: 'a', namespace: 'd' } } as ReplicationController;
    strategy.default!(bare);
    expect(strategy.validate!(bare).map(formatFieldError)).toEqual([
      'spec.selector: Required value',
      'spec.template: Required value',
    ]);
  });

  it.each<[string, (spec: ReplicationControllerSpec) => void, string]>([
    [
      'a selector that the template does not match',
      (s) => (s.selector = { app: 'x' }),
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
    [
      'negative replicas',
      (s) => (s.replicas = -1),
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a deadline',
      (s) => (s.template!.spec.activeDeadlineSeconds = 1),
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported',
    ],
    [
      'pods that end',
      (s) => (s.template!.spec.restartPolicy = 'Never'),
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
  ])('refuses %s', (_name, change, message) => {
    expect(errorsOf(change)).toContain(message);
  });

  it('counts the status through', () => {
    const next = decoded();
    next.status = { replicas: 1, fullyLabeledReplicas: 2, readyReplicas: 0, availableReplicas: 1 };
    expect(strategy.status!.validateUpdate!(next, decoded()).map(formatFieldError)).toEqual([
      'status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas',
    ]);
  });
});

it('columns are those of kubectl', () => {
  const controller = decoded((spec) => (spec.replicas = 3));
  controller.status = { replicas: 2, readyReplicas: 1 };
  expect(replicationControllers.additionalPrinterColumns.map(({ name, cell }) => [name, cell(controller, 0)])).toEqual([
    ['Desired', 3],
    ['Current', 2],
    ['Ready', 1],
    ['Age', '<unknown>'],
    ['Containers', 'web'],
    ['Images', 'nginx:1.27'],
    ['Selector', 'app=web'],
  ]);
  expect(replicationControllers.selectableFields['status.replicas']!(controller)).toBe('2');
});
