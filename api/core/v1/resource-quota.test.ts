import { describe, expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { resourceQuotas } from './resource-quota.ts';

const { decoded, errors, updateErrors, statusErrors, cells } = kindUnderTest(resourceQuotas);
const quota = (spec: object) => ({ spec });
const selector = (scopeName: string, operator: string, ...values: string[]) => ({
  scopeSelector: { matchExpressions: [{ scopeName, operator, ...(values.length === 0 ? {} : { values }) }] },
});

describe('validation', () => {
  it.each([
    [
      {
        hard: {
          cpu: '1',
          'requests.memory': '1Gi',
          'hugepages-2Mi': '2Mi',
          'requests.hugepages-2Mi': '2Mi',
          'requests.example.com/gpu': '4',
          'count/deployments.apps': '5',
          'gold.storageclass.storage.k8s.io/requests.storage': '5Gi',
        },
      },
    ],
    [{ hard: { pods: '1' }, scopes: ['BestEffort', 'NotTerminating'] }],
    [{ hard: { pods: '1' }, ...selector('PriorityClass', 'In', 'high') }],
    [{ hard: { 'requests.storage': '1' }, ...selector('VolumeAttributesClass', 'Exists') }],
  ])('accepts %j', (spec) => {
    expect(errors(quota(spec))).toEqual([]);
  });

  it.each([
    [{ hard: { bananas: '1' } }, 'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource for quota'],
    [{ hard: { storage: '1' } }, 'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota'],
    [{ hard: { pods: '-1' } }, 'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'],
    [{ hard: { pods: '500m' } }, 'spec.hard[pods]: Invalid value: "500m": must be an integer'],
    [{ scopes: ['Some'] }, 'spec.scopes: Invalid value: ["Some"]: unsupported scope'],
    [
      { hard: { cpu: '1' }, scopes: ['BestEffort'] },
      'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
    ],
    [{ scopes: ['BestEffort', 'NotBestEffort'] }, 'conflicting scopes'],
    [
      selector('Some', 'Exists'),
      'spec.scopeSelector.matchExpressions.scopeName: Invalid value: "Some": unsupported scope',
    ],
    [
      selector('Terminating', 'In', 'x'),
      'spec.scopeSelector.matchExpressions.operator: Invalid value: "In": must be \'Exist\'',
    ],
    [
      selector('PriorityClass', 'In'),
      'spec.scopeSelector.matchExpressions.values: Required value: must be at least one value',
    ],
    [
      selector('PriorityClass', 'Exists', 'x'),
      'spec.scopeSelector.matchExpressions.values: Invalid value: ["x"]: must be no value',
    ],
    [selector('PriorityClass', 'Is', 'x'), 'operator: Invalid value: "Is": not a valid selector operator'],
  ])('refuses %j', (spec, expected) => {
    expect(errors(quota(spec))).toContainEqual(expect.stringContaining(expected));
  });

  it('keeps its scopes', () => {
    const next = quota({ hard: { pods: '2' }, scopes: ['NotTerminating'] });
    expect(updateErrors(next, quota({ hard: { pods: '1' }, scopes: ['NotTerminating'] }))).toEqual([]);
    expect(updateErrors(next, quota({}))).toEqual([
      'spec.scopes: Invalid value: ["NotTerminating"]: field is immutable',
    ]);
  });

  it('checks what a status says', () => {
    expect(statusErrors({ status: { used: { pods: '-1' } } }, {})).toEqual([
      'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0',
    ]);
  });
});

it('has no status at creation', () => {
  const object = decoded({ status: { hard: { pods: '1' } } });
  resourceQuotas.strategy.prepareForCreate!(object, { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false });
  expect(object.status).toEqual({});
});

it('shows requests and limits apart', () => {
  const hard = { pods: '5', 'limits.cpu': '2', 'requests.cpu': '1' };
  expect(cells({ status: { hard, used: { pods: '1', 'requests.cpu': '500m' } } })).toMatchObject({
    Request: 'pods: 1/5, requests.cpu: 500m/1',
    Limit: 'limits.cpu: 0/2',
  });
});
