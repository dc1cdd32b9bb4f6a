import { describe, expect, it } from '@jest/globals';
import type { Deployment } from '../apps/v1/deployment.ts';
import { deploymentsV1beta1, statefulSetsV1beta1 } from '../apps/v1beta1/workloads.ts';
import { daemonSetsV1beta2, deploymentsV1beta2, statefulSetsV1beta2 } from '../apps/v1beta2/workloads.ts';
import { cronJobsV1beta1 } from '../batch/v1beta1/cron-job.ts';
import {
  daemonSetsInExtensions,
  deploymentsInExtensions,
  replicaSetsInExtensions,
} from '../extensions/v1beta1/workloads.ts';
import { podDisruptionBudgetsV1beta1 } from '../policy/v1beta1/pod-disruption-budget.ts';
import { deepFreeze } from '../../base/freeze.ts';
import { formatFieldError } from './field-error.ts';
import type { ApiObject } from './meta.ts';
import type { Resource } from './resource.ts';

type Sample = ApiObject & { spec: Record<string, never> & object; [field: string]: unknown };

const template = (): object => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'i:1' }] },
});

/** A decoded object of an older version. */
function decoded(resource: object, spec: object = {}): Sample {
  const kind = resource as Resource;
  const object = {
    apiVersion: `${kind.group}/${kind.version}`,
    kind: kind.names.kind,
    metadata: { name: 'web', namespace: 'default' },
    spec: { template: template(), ...spec },
  } as unknown as Sample;
  kind.strategy.default!(object);
  return object;
}

describe('defaults of older versions', () => {
  const fromTemplate = { selector: { matchLabels: { app: 'web' } } };

  it.each([
    [
      'extensions/v1beta1 Deployment',
      deploymentsInExtensions,
      {
        ...fromTemplate,
        replicas: 1,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
        revisionHistoryLimit: 2147483647,
        progressDeadlineSeconds: 2147483647,
      },
    ],
    [
      'apps/v1beta1 Deployment',
      deploymentsV1beta1,
      {
        ...fromTemplate,
        strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        revisionHistoryLimit: 2,
        progressDeadlineSeconds: 600,
      },
    ],
    ['apps/v1beta2 Deployment', deploymentsV1beta2, { revisionHistoryLimit: 10, progressDeadlineSeconds: 600 }],
    ['extensions/v1beta1 ReplicaSet', replicaSetsInExtensions, { ...fromTemplate, replicas: 1 }],
    ['extensions/v1beta1 DaemonSet', daemonSetsInExtensions, { ...fromTemplate, updateStrategy: { type: 'OnDelete' } }],
    [
      'apps/v1beta2 DaemonSet',
      daemonSetsV1beta2,
      { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } },
    ],
    [
      'apps/v1beta1 StatefulSet',
      statefulSetsV1beta1,
      { ...fromTemplate, updateStrategy: { type: 'OnDelete' }, podManagementPolicy: 'OrderedReady' },
    ],
    [
      'apps/v1beta2 StatefulSet',
      statefulSetsV1beta2,
      { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } },
    ],
  ])('of %s', (_name, resource, spec) => {
    const object = decoded(resource);
    expect(object.spec).toMatchObject(spec);
    const labels = 'selector' in spec ? { app: 'web' } : undefined;
    expect([object.metadata.labels, (object.spec as { selector?: unknown }).selector]).toEqual([
      labels,
      labels && { matchLabels: labels },
    ]);
    expect(object.apiVersion).toBe(_name.split(' ')[0]);
  });
});

describe('an older version', () => {
  it('is stored as the one of today, and leaves what it is given alone', () => {
    const { toStored, fromStored } = deploymentsInExtensions.view!;
    const object = deepFreeze(
      decoded(deploymentsInExtensions, { rollbackTo: { revision: 3 } }),
    ) as unknown as Deployment;
    const stored = toStored(object);
    expect(stored).toMatchObject({
      apiVersion: 'apps/v1',
      metadata: { annotations: { 'deprecated.deployment.rollback.to': '3' } },
    });
    expect((stored as Deployment).spec).not.toHaveProperty('rollbackTo');
    expect(fromStored(deepFreeze(stored))).toEqual(object);
  });

  it('shows the number of a template as a field', () => {
    const { strategy, view } = daemonSetsInExtensions;
    const object = decoded(daemonSetsInExtensions) as never;
    strategy.prepareForCreate!(object, { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false });
    expect(object).toMatchObject({ spec: { templateGeneration: 1 }, status: { numberReady: 0 } });
    expect(object).not.toHaveProperty('metadata.annotations');
    expect(view!.toStored(object)).toMatchObject({
      metadata: { annotations: { 'deprecated.daemonset.template.generation': '1' } },
    });
  });

  it('is held to the rules of today', () => {
    const bad = decoded(deploymentsInExtensions, { replicas: -1 }) as unknown as Deployment;
    expect(deploymentsInExtensions.strategy.validate!(bad).map(formatFieldError)).toEqual([
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ]);
  });

  it.each([
    ['extensions/v1beta1', deploymentsInExtensions, 0],
    ['apps/v1beta1', deploymentsV1beta1, 0],
    ['apps/v1beta2', deploymentsV1beta2, 1],
  ])('of %s lets the selector of a Deployment change or not', (_name, resource, problems) => {
    const object = (labels: object): Deployment =>
      decoded(resource, {
        selector: { matchLabels: labels },
        template: { ...template(), metadata: { labels: { app: 'web', a: 'b' } } },
      }) as unknown as Deployment;
    expect(resource.strategy.validateUpdate!(object({ a: 'b' }), object({ app: 'web' }))).toHaveLength(problems);
  });

  it('warns of its end in the words of the API lifecycle, and is in no category', () => {
    const texts = [deploymentsInExtensions, daemonSetsV1beta2, cronJobsV1beta1, podDisruptionBudgetsV1beta1].map(
      ({ deprecationWarning }) => deprecationWarning,
    );
    expect(texts).toEqual([
      'extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment',
      'apps/v1beta2 DaemonSet is deprecated in v1.9+, unavailable in v1.16+; use apps/v1 DaemonSet',
      'batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob',
      'policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget',
    ]);
    expect(deploymentsInExtensions.names).toMatchObject({ categories: [], shortNames: [] });
    expect(deploymentsV1beta1.names).toMatchObject({ categories: [], shortNames: ['deploy'] });
  });
});

describe('policy/v1beta1 PodDisruptionBudget', () => {
  const { toStored, fromStored } = podDisruptionBudgetsV1beta1.view!;
  const LABEL = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match';
  const budget = (selector: object | undefined) => ({ metadata: {}, spec: selector === undefined ? {} : { selector } });

  it.each([
    [{}, { matchExpressions: [{ key: LABEL, operator: 'Exists' }] }],
    [{ matchExpressions: [{ key: LABEL, operator: 'DoesNotExist' }] }, {}],
    [{ matchLabels: { a: 'b' } }, { matchLabels: { a: 'b' } }],
    [undefined, undefined],
  ])('selects by %j as v1 by %j', (old, stored) => {
    expect(toStored(budget(old) as never)).toEqual(budget(stored));
    expect(fromStored(budget(stored) as never)).toEqual(budget(old));
  });
});
