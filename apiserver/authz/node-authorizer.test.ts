import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Attributes, Authorizer } from './authorizer.ts';
import type { FakeListers } from './fake-listers.ts';
import { fakeListers } from './fake-listers.ts';
import { nodeAuthorizer } from './node-authorizer.ts';

interface Given {
  node?: string;
  group?: string;
  fieldSelector?: string;
  groups?: string[];
}

/** `get secrets/status ns/name` as the node n1. */
function request(
  text: string,
  { node = 'n1', group = '', fieldSelector, groups = ['system:nodes'] }: Given = {},
): Attributes {
  const [verb = '', target = '', object = ''] = text.split(' ');
  const [resource = '', subresource = ''] = target.split('/');
  const [namespace = '', name = ''] = object.includes('/') ? object.split('/') : ['', object];
  return {
    user: { name: `system:node:${node}`, groups },
    verb,
    isResourceRequest: true,
    apiGroup: group,
    apiVersion: 'v1',
    namespace,
    resource,
    subresource,
    name,
    path: '',
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

const object = (name: string, spec: object, metadata: object = {}): ApiObject =>
  ({ metadata: { namespace: 'web', name, ...metadata }, spec }) as ApiObject;

const pod = object('a', {
  nodeName: 'n1',
  serviceAccountName: 'robot',
  imagePullSecrets: [{ name: 'pull' }],
  initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'init-env' } }] }],
  containers: [{ name: 'c', env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'key', key: 'k' } } }] }],
  ephemeralContainers: [
    { name: 'e', env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'debug', key: 'k' } } }] },
  ],
  volumes: [
    { name: 'v1', secret: { secretName: 'mounted' } },
    {
      name: 'v2',
      projected: { sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'kube-root-ca.crt' } }] },
    },
    { name: 'v3', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'v4', ephemeral: {} },
  ],
});
const otherPod = object('b', { nodeName: 'n2', volumes: [{ name: 'v', secret: { secretName: 'theirs' } }] });

let fake: FakeListers;
let authorize: Authorizer;

beforeEach(() => {
  fake = fakeListers({
    pods: [pod, otherPod],
    persistentvolumeclaims: [object('data', { volumeName: 'pv' })],
    persistentvolumes: [
      {
        metadata: { name: 'pv' },
        spec: {
          claimRef: { namespace: 'web', name: 'data' },
          csi: {
            nodePublishSecretRef: { namespace: 'storage', name: 'publish' },
            controllerPublishSecretRef: { namespace: 'storage', name: 'controller' },
          },
        },
      } as ApiObject,
      { metadata: { name: 'loose' }, spec: {} } as ApiObject,
    ],
    'volumeattachments.storage.k8s.io': [{ metadata: { name: 'va' }, spec: { nodeName: 'n1' } } as ApiObject],
    'resourceslices.resource.k8s.io': [{ metadata: { name: 'slice' }, spec: { nodeName: 'n1' } } as ApiObject],
  });
  authorize = nodeAuthorizer(fake.listers);
});

const may = (text: string, given?: Given): boolean => authorize(request(text, given)).decision === 'allow';
const reason = (text: string, given?: Given): string => authorize(request(text, given)).reason;

describe('nodeAuthorizer() lets a node read what its pods refer to', () => {
  it.each([
    'get secrets web/pull',
    'get secrets web/init-env',
    'get secrets web/key',
    'watch secrets web/mounted',
    'list secrets web/projected',
    'get configmaps web/debug',
    'get configmaps web/kube-root-ca.crt',
    'get persistentvolumeclaims web/data',
    'get persistentvolumeclaims web/a-v4',
    'update persistentvolumeclaims/status web/data',
    'get persistentvolumes pv',
    'get secrets storage/publish',
    'get serviceaccounts web/robot',
    'create serviceaccounts/token web/robot',
    'get pods web/a',
  ])('%s', (text) => {
    expect(may(text)).toBe(true);
    expect(may(text, { node: 'n2' })).toBe(false);
  });
});

describe('nodeAuthorizer() refuses [A39]', () => {
  const unrelated = "no relationship found between node 'n1' and this object";
  it.each<[string, string, string]>([
    ["another node's secret", 'get secrets web/theirs', unrelated],
    ['the same name in another namespace', 'get secrets other/mounted', unrelated],
    ['a secret of the volume’s controller', 'get secrets storage/controller', unrelated],
    ['a secret where a configmap has the name', 'get secrets web/debug', unrelated],
    ['a volume that nobody claims', 'get persistentvolumes loose', unrelated],
    ["another node's pod", 'get pods web/b', unrelated],
    ["another pod's account", 'create serviceaccounts/token web/default', unrelated],
    ['all secrets', 'list secrets web/', 'No Object name found'],
    ['secrets of all namespaces', 'list secrets', 'can only read namespaced object of this type'],
    ['a secret’s subresource', 'get secrets/x web/mounted', 'cannot read subresource'],
    ['to write a secret', 'update secrets web/mounted', 'can only read resources of this type'],
    ['to write a claim', 'update persistentvolumeclaims web/data', 'can only get individual resources of this type'],
    ['to list volumes', 'list persistentvolumes', 'can only get individual resources of this type'],
    ['tokens for all', 'create serviceaccounts web/', 'can only create tokens for individual service accounts'],
    ['all pods', 'list pods', 'can only list/watch pods with spec.nodeName field selector'],
    ['to bind pods', 'create pods/binding web/a', ''],
    ['to run commands', 'create pods/exec web/a', ''],
    ['to change a pod', 'update pods web/a', ''],
    ['other nodes', 'get nodes n2', "node 'n1' cannot read 'n2', only its own Node object"],
    ['all nodes', 'list nodes', "node 'n1' cannot read all nodes, only its own Node object"],
    ['to delete itself', 'delete nodes n1', ''],
    ['its own proxy', 'get nodes/proxy n1', ''],
    ['deployments', 'list deployments web/', ''],
  ])('%s', (_, text, expected) => {
    expect(authorize(request(text))).toEqual({ decision: 'no-opinion', reason: expected });
  });

  it('pods selected by another node’s name, or by a selector that only looks right', () => {
    expect(may('list pods', { fieldSelector: 'spec.nodeName=n1' })).toBe(true);
    expect(may('watch pods', { fieldSelector: 'status.phase!=Failed,spec.nodeName=n1' })).toBe(true);
    for (const fieldSelector of [
      'spec.nodeName=n2',
      'spec.nodeName!=n1',
      'spec.nodeName=n1x',
      'metadata.name=n1',
      '=\\',
    ]) {
      expect(may('list pods', { fieldSelector })).toBe(false);
    }
  });

  it('leases but its own', () => {
    const group = 'coordination.k8s.io';
    expect(may('update leases kube-node-lease/n1', { group })).toBe(true);
    expect(may('create leases kube-node-lease/', { group })).toBe(true);
    expect(reason('update leases kube-node-lease/n2', { group })).toBe(
      'can only access node lease with the same name as the requesting node',
    );
    expect(reason('get leases kube-system/n1', { group })).toBe(
      'can only access leases in the "kube-node-lease" system namespace',
    );
    expect(reason('list leases kube-node-lease/', { group })).toBe(
      'can only get, create, update, patch, or delete a node lease',
    );
  });

  it('storage and device objects of other nodes', () => {
    const storage = { group: 'storage.k8s.io' };
    expect(may('get volumeattachments va', storage)).toBe(true);
    expect(may('get volumeattachments va', { ...storage, node: 'n2' })).toBe(false);
    expect(may('patch csinodes n1', storage)).toBe(true);
    expect(may('patch csinodes n2', storage)).toBe(false);
    const devices = { group: 'resource.k8s.io' };
    expect(may('delete resourceslices slice', devices)).toBe(true);
    expect(may('delete resourceslices slice', { ...devices, node: 'n2' })).toBe(false);
    expect(may('list resourceslices', devices)).toBe(false);
    expect(may('list resourceslices', { ...devices, fieldSelector: 'spec.nodeName=n1' })).toBe(true);
    expect(may('list resourceslices', { ...devices, fieldSelector: 'spec.nodeName=n2' })).toBe(false);
  });

  it('whoever is no node, or no node in particular', () => {
    expect(may('get nodes n1', { groups: ['system:authenticated'] })).toBe(false);
    expect(reason('get nodes n1', { groups: [] })).toBe('');
    expect(reason('list services', { node: '' })).toBe('unknown node for user "system:node:"');
    const robot = { name: 'system:serviceaccount:web:robot', groups: ['system:nodes'] };
    expect(authorize({ ...request('get nodes n1'), user: robot }).decision).toBe('no-opinion');
  });
});

describe('nodeAuthorizer()', () => {
  it('goes by the general rules for everything else', () => {
    expect(may('list services')).toBe(true);
    expect(may('create events web/')).toBe(true);
    expect(may('watch runtimeclasses', { group: 'node.k8s.io' })).toBe(true);
    expect(may('create certificatesigningrequests', { group: 'certificates.k8s.io' })).toBe(true);
    expect(may('create subjectaccessreviews', { group: 'authorization.k8s.io' })).toBe(true);
    expect(may('patch nodes/status n1')).toBe(true);
  });

  it('follows pods that come and go', () => {
    expect(may('get secrets web/mounted')).toBe(true);
    fake.set('pods', [otherPod]);
    expect(may('get secrets web/mounted')).toBe(false);
    fake.set('pods', [pod, otherPod]);
    expect(may('get secrets web/mounted')).toBe(true);
    fake.set('pods', [{ ...pod, spec: { nodeName: 'n2' } } as ApiObject]);
    expect(may('get secrets web/mounted')).toBe(false);
  });

  it('lets a mirror pod open nothing', () => {
    const annotations = { 'kubernetes.io/config.mirror': 'hash' };
    fake.set('pods', [{ ...pod, metadata: { ...pod.metadata, annotations } }]);
    expect(may('get secrets web/mounted')).toBe(false);
    expect(may('get pods web/a')).toBe(true);
  });
});
