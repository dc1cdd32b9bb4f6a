import { describe, expect, it } from '@jest/globals';
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import type { StatefulSet } from '../api/apps/v1/stateful-set.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { ReplicationController } from '../api/core/v1/replication-controller.ts';
import type { Service } from '../api/core/v1/service.ts';
import { defaultSelectorOf } from './default-selector.ts';
import { listerOf, podOf } from './objects-for-tests.ts';

const LABELS = { app: 'web', tier: 'front' };
const meta = (name: string) => ({ name, namespace: 'default', uid: `uid-${name}` });

function ownedBy(apiVersion: string, kind: string): Pod {
  const pod = podOf('p', { labels: LABELS });
  const owner = { apiVersion, kind, name: 'owner', uid: 'uid-owner', controller: true };
  return { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } };
}

const service = (name: string, selector?: Record<string, string>): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name),
  spec: selector === undefined ? {} : { selector },
});

function selectorOf(pod: Pod, services: Service[] = []): string | undefined {
  const expressions = { matchExpressions: [{ key: 'tier', operator: 'In', values: ['front', 'edge'] }] };
  const replicaSet = { metadata: meta('owner'), spec: { selector: expressions } } as unknown as ReplicaSet;
  const statefulSet = {
    metadata: meta('owner'),
    spec: { selector: { matchLabels: { tier: 'front' } } },
  } as unknown as StatefulSet;
  const controller = { metadata: meta('owner'), spec: { selector: { app: 'web' } } } as ReplicationController;
  return defaultSelectorOf(pod, {
    services: listerOf(services),
    replicationControllers: listerOf([controller]),
    replicaSets: listerOf([replicaSet]),
    statefulSets: listerOf([statefulSet]),
  })?.toString();
}

describe('defaultSelectorOf() [S5]', () => {
  it.each<[string, Pod, Service[], string | undefined]>([
    ['nothing', podOf('p', { labels: LABELS }), [], undefined],
    ['its Services', podOf('p', { labels: LABELS }), [service('a', { app: 'web' })], 'app=web'],
    ['a Service of other pods', podOf('p', { labels: LABELS }), [service('a', { app: 'db' })], undefined],
    ['a Service without selector', podOf('p', { labels: LABELS }), [service('a')], undefined],
    ['its ReplicationController', ownedBy('v1', 'ReplicationController'), [], 'app=web'],
    ['its ReplicaSet', ownedBy('apps/v1', 'ReplicaSet'), [], 'tier in (edge,front)'],
    ['its StatefulSet', ownedBy('apps/v1', 'StatefulSet'), [], 'tier=front'],
    ['a controller of another kind', ownedBy('batch/v1', 'Job'), [], undefined],
    ['a controller of another group', ownedBy('example.com/v1', 'ReplicaSet'), [], undefined],
    [
      'Service and StatefulSet together',
      ownedBy('apps/v1', 'StatefulSet'),
      [service('a', { app: 'web' })],
      'app=web,tier=front',
    ],
  ])('groups a pod by %s', (_name, pod, services, expected) => {
    expect(selectorOf(pod, services)).toBe(expected);
  });
});
