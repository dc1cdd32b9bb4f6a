import { describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../../machinery/meta.ts';
import type { Pod } from '../pod/types.ts';
import type { QuotaEvaluator } from './evaluator.ts';
import { quotaEvaluator } from './evaluators.ts';

const usage = (evaluator: QuotaEvaluator, object: object, nowMs = 0): Record<string, string> =>
  Object.fromEntries(
    [...evaluator.usage(object as ApiObject, nowMs)].map(([name, amount]) => [name, amount.toString()]),
  );
const core = (plural: string): QuotaEvaluator => quotaEvaluator({ group: '', plural })!;

describe('pods', () => {
  const pods = core('pods');
  const pod = (resources: object, rest: object = {}, more: object = {}): object => ({
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i', resources }], ...rest },
    ...more,
  });
  const isOf = (scopeName: string, object: object, operator = 'Exists', ...values: string[]): boolean =>
    pods.isOfScope!({ scopeName, operator, values }, object as ApiObject);

  it('use what they request and are limited to, under every name', () => {
    const resources = {
      requests: { cpu: '1', memory: '1Gi', 'example.com/gpu': '2', 'hugepages-2Mi': '4Mi' },
      limits: { cpu: '2', 'ephemeral-storage': '5Gi' },
    };
    expect(usage(pods, pod(resources, { overhead: { cpu: '500m' } }))).toEqual({
      'count/pods': '1',
      pods: '1',
      cpu: '1500m',
      'requests.cpu': '1500m',
      memory: '1Gi',
      'requests.memory': '1Gi',
      'requests.example.com/gpu': '2',
      'hugepages-2Mi': '4Mi',
      'requests.hugepages-2Mi': '4Mi',
      'limits.cpu': '2500m',
      'limits.ephemeral-storage': '5Gi',
    });
  });

  it('use nothing but their place once they have ended or should have', () => {
    expect(usage(pods, pod({}, {}, { status: { phase: 'Succeeded' } }))).toEqual({ 'count/pods': '1' });
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 };
    const going = pod({}, {}, { metadata });
    const end = Date.parse('2026-01-01T00:00:30Z');
    expect(usage(pods, going, end)).toHaveProperty('pods');
    expect(usage(pods, going, end + 1)).not.toHaveProperty('pods');
  });

  it('say what they need of what is limited', () => {
    const two = pod({ requests: { cpu: '1' } }) as Pod;
    two.spec.initContainers = [{ name: 'a', image: 'i' }];
    expect(pods.missing!(['cpu', 'memory', 'pods'], two)).toBe('must specify cpu for: a; memory for: a,c');
    expect(pods.missing!(['requests.cpu', 'limits.cpu'], pod({ limits: { cpu: '1' } }) as ApiObject)).toBe(
      'must specify requests.cpu for: c',
    );
    const whole = pod({}, { resources: { requests: { cpu: '1' } } }) as ApiObject;
    expect(pods.missing!(['requests.cpu'], whole)).toBe('');
  });

  it('are of scopes', () => {
    const plain = pod({});
    const other = pod({ requests: { cpu: '1' } }, { activeDeadlineSeconds: 5, priorityClassName: 'high' });
    expect([isOf('BestEffort', plain), isOf('NotBestEffort', plain)]).toEqual([true, false]);
    expect([isOf('BestEffort', other), isOf('NotBestEffort', other)]).toEqual([false, true]);
    expect([isOf('Terminating', plain), isOf('NotTerminating', plain)]).toEqual([false, true]);
    expect([isOf('Terminating', other), isOf('NotTerminating', other)]).toEqual([true, false]);
    expect(isOf('PriorityClass', other, 'In', 'high')).toBe(true);
    expect(isOf('PriorityClass', other, 'NotIn', 'high')).toBe(false);
    expect(isOf('PriorityClass', plain, 'NotIn', 'high')).toBe(true);
    expect(isOf('PriorityClass', plain, 'Exists')).toBe(false);
    expect(isOf('PriorityClass', plain, 'DoesNotExist')).toBe(true);
    const term = { topologyKey: 'a', namespaceSelector: {} };
    const far = pod({}, { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
    expect([isOf('CrossNamespacePodAffinity', far), isOf('CrossNamespacePodAffinity', plain)]).toEqual([true, false]);
  });

  it('count only what is theirs', () => {
    const names = [
      'cpu',
      'requests.example.com/gpu',
      'requests.hugepages-1Gi',
      'secrets',
      'requests.storage',
      'count/pods',
    ];
    expect(names.filter((name) => pods.counts(name))).toEqual([
      'cpu',
      'requests.example.com/gpu',
      'requests.hugepages-1Gi',
      'count/pods',
    ]);
  });
});

it('Services use node ports and load balancers', () => {
  const service = (spec: object): object => ({
    metadata: {},
    spec: { ports: [{ port: 1 }, { port: 2, nodePort: 3 }], ...spec },
  });
  expect(usage(core('services'), service({ type: 'ClusterIP' }))).toMatchObject({
    services: '1',
    'services.nodeports': '0',
  });
  expect(usage(core('services'), service({ type: 'NodePort' }))).toMatchObject({ 'services.nodeports': '2' });
  expect(usage(core('services'), service({ type: 'LoadBalancer' }))).toMatchObject({
    'services.nodeports': '2',
    'services.loadbalancers': '1',
  });
  const withoutPorts = service({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false });
  expect(usage(core('services'), withoutPorts)).toMatchObject({ 'services.nodeports': '1' });
});

it('claims use storage, in all and of their class', () => {
  const claims = core('persistentvolumeclaims');
  const claim = { metadata: {}, spec: { storageClassName: 'gold', resources: { requests: { storage: '1Gi' } } } };
  expect(usage(claims, claim)).toEqual({
    'count/persistentvolumeclaims': '1',
    persistentvolumeclaims: '1',
    'requests.storage': '1Gi',
    'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
    'gold.storageclass.storage.k8s.io/requests.storage': '1Gi',
  });
  const shrinking = { ...claim, status: { allocatedResources: { storage: '3Gi' } } };
  expect(usage(claims, shrinking)).toMatchObject({ 'requests.storage': '3Gi' });
  const classed = { metadata: {}, spec: {}, status: { currentVolumeAttributesClassName: 'a' } } as ApiObject;
  const requirement = { scopeName: 'VolumeAttributesClass', operator: 'In', values: ['a'] };
  expect(claims.isOfScope!(requirement, classed)).toBe(true);
  expect(claims.isOfScope!({ ...requirement, values: ['b'] }, classed)).toBe(false);
});

it('of all else the number counts', () => {
  expect(usage(quotaEvaluator({ group: 'apps', plural: 'deployments' })!, {})).toEqual({
    'count/deployments.apps': '1',
  });
  expect(usage(core('configmaps'), {})).toEqual({ 'count/configmaps': '1', configmaps: '1' });
  expect(quotaEvaluator({ group: 'events.k8s.io', plural: 'events' })).toBeUndefined();
});
