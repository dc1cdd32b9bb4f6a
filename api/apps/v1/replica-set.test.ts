import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import { controllerRevisions } from './controller-revision.ts';
import { replicaSets } from './replica-set.ts';
import type { ReplicaSet } from './replica-set.ts';

const { strategy } = replicaSets;

function decoded(): ReplicaSet {
  const replicaSet = parse(`
    metadata: {name: web, namespace: default}
    spec:
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: web, image: nginx}]}`) as ReplicaSet;
  strategy.default!(replicaSet);
  return replicaSet;
}

describe('replicaSets', () => {
  it('default to one replica and pass validation', () => {
    expect(decoded().spec.replicas).toBe(1);
    expect(strategy.validate!(decoded())).toEqual([]);
  });

  it('keep their selector', () => {
    const next = decoded();
    next.spec.selector = { matchExpressions: [{ key: 'app', operator: 'Exists' }] };
    expect(strategy.validateUpdate!(next, decoded()).map(formatFieldError)).toEqual([
      'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Exists"}]}: field is immutable',
    ]);
  });

  it('report a malformed selector, and do not throw on it', () => {
    const next = decoded();
    next.spec.selector = { matchExpressions: [{ key: 'app', operator: 'Like' }] };
    expect(strategy.validate!(next).map(formatFieldError)).toEqual([
      'spec.selector.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator',
      'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Like"}]}: invalid label selector',
    ]);
  });

  it('check the counts of their status', () => {
    const next = decoded();
    next.status = { replicas: 1, fullyLabeledReplicas: 2 };
    expect(strategy.status!.validateUpdate!(next, next).map(formatFieldError)).toEqual([
      'status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas',
    ]);
  });

  it('show desired, current and ready pods', () => {
    const object = decoded();
    object.status = { replicas: 1, readyReplicas: 0 };
    const row = replicaSets.additionalPrinterColumns.map(({ cell }) => cell(object, 0));
    expect(row).toEqual([1, 1, 0, '<unknown>', 'web', 'nginx', 'app=web']);
  });
});

describe('controllerRevisions', () => {
  const metadata = {
    name: 'web-1',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: '1', controller: true }],
  };

  it('need data that stays, and a number', () => {
    const { validate, validateUpdate } = controllerRevisions.strategy;
    expect(validate!({ metadata, revision: -1 }).map(formatFieldError)).toEqual([
      'data: Required value: data is mandatory',
      'revision: Invalid value: -1: must be greater than or equal to 0',
    ]);
    expect(
      validateUpdate!({ metadata, revision: 2, data: { a: 2 } }, { metadata, revision: 1, data: { a: 1 } }).map(
        formatFieldError,
      ),
    ).toEqual(['data: Invalid value: {"a":2}: field is immutable']);
  });

  it('show whose they are', () => {
    const row = controllerRevisions.additionalPrinterColumns.map(({ cell }) =>
      cell({ metadata, revision: 3, data: {} }, 0),
    );
    expect(row).toEqual(['statefulset.apps/web', 3, '<unknown>']);
  });
});
