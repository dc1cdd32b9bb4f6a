import { describe, expect, it } from '@jest/globals';
import { requestFor } from '../../api/certificates/v1/testing.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { fakeListers } from '../authz/fake-listers.ts';
import type { AdmissionAttributes } from './admission.ts';
import { nodeRestriction } from './node-restriction.ts';

const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };

const GROUPS: Record<string, string> = {
  leases: 'coordination.k8s.io',
  csinodes: 'storage.k8s.io',
  resourceslices: 'resource.k8s.io',
  certificatesigningrequests: 'certificates.k8s.io',
};

const { listers } = fakeListers({
  pods: [
    {
      metadata: { namespace: 'web', name: 'mine', uid: 'p1' },
      spec: {
        nodeName: 'n1',
        volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
      },
    } as ApiObject,
    {
      metadata: { namespace: 'web', name: 'vault', uid: 'p3' },
      spec: {
        nodeName: 'n1',
        volumes: [
          { name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'vault' } }] } },
          { name: 'c', csi: { driver: 'csi.example' } },
        ],
      },
    } as ApiObject,
    { metadata: { namespace: 'web', name: 'theirs', uid: 'p2' }, spec: { nodeName: 'n2' } } as ApiObject,
  ],
  nodes: [{ metadata: { name: 'n1', uid: 'u1' } }],
  'csidrivers.storage.k8s.io': [
    { metadata: { name: 'csi.example' }, spec: { tokenRequests: [{ audience: 'disk' }] } } as ApiObject,
  ],
});
const plugin = nodeRestriction(listers);

interface Write {
  user?: UserInfo;
  object?: object;
  oldObject?: object;
  name?: string;
  namespace?: string;
}

/** `CREATE pods/eviction`; the message when it is refused. */
function refusal(
  text: string,
  { user = node, object, oldObject, name = '', namespace = 'web' }: Write = {},
): string | undefined {
  const [operation = '', target = ''] = text.split(' ');
  const [plural = '', subresource = ''] = target.split('/');
  const attributes: AdmissionAttributes = {
    operation: operation as 'CREATE',
    resource: { group: GROUPS[plural] ?? '', names: { plural } } as unknown as Resource,
    subresource,
    namespace,
    name,
    object: object as ApiObject | undefined,
    oldObject: oldObject as ApiObject | undefined,
    user,
    dryRun: false,
    warn: () => undefined,
  };
  try {
    void plugin.mutate!(attributes);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('nodeRestriction()', () => {
  it('restricts nodes only', () => {
    const jane = { name: 'jane', groups: ['system:nodes'] };
    expect(refusal('UPDATE nodes', { user: jane, name: 'n2', object: { metadata: { name: 'n2' } } })).toBeUndefined();
    const nameless = { name: 'system:node:', groups: ['system:nodes'] };
    expect(refusal('CREATE nodes', { user: nameless, object: { metadata: { name: 'x' } } })).toBe(
      'nodes "x" is forbidden: could not determine node from user "system:node:"',
    );
  });
});

describe('nodeRestriction() of nodes', () => {
  const n1 = (metadata: object = {}, spec: object = {}): object => ({ metadata: { name: 'n1', ...metadata }, spec });

  it('lets a node write itself only', () => {
    expect(refusal('CREATE nodes', { object: n1() })).toBeUndefined();
    expect(refusal('CREATE nodes', { object: { metadata: { name: 'n2' } } })).toBe(
      'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    );
    expect(refusal('UPDATE nodes/status', { name: 'n2', object: n1(), oldObject: n1() })).toContain('modify node "n2"');
  });

  it.each<[string, string, boolean]>([
    ['kubernetes.io/hostname', 'h', true],
    ['topology.kubernetes.io/zone', 'z', true],
    ['kubelet.kubernetes.io/x', 'y', true],
    ['a.node.kubernetes.io/x', 'y', true],
    ['example.com/x', 'y', true],
    ['plain', 'y', true],
    ['node-restriction.kubernetes.io/x', 'y', false],
    ['a.node-restriction.kubernetes.io/x', 'y', false],
    ['node-role.kubernetes.io/control-plane', '', false],
    ['kubernetes.io/x', 'y', false],
    ['x.k8s.io/y', 'z', false],
    ['notkubernetes.io/x', 'y', true],
  ])('label %s', (key, value, expected) => {
    const labels = { [key]: value };
    const created = refusal('CREATE nodes', { object: n1({ labels }) });
    const removed = refusal('UPDATE nodes', { name: 'n1', object: n1(), oldObject: n1({ labels }) });
    expect(created).toBe(
      expected ? undefined : `nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: ${key}`,
    );
    expect(removed).toBe(expected ? undefined : `nodes "n1" is forbidden: is not allowed to modify labels: ${key}`);
    expect(refusal('UPDATE nodes', { name: 'n1', object: n1({ labels }), oldObject: n1({ labels }) })).toBeUndefined();
  });

  it('keeps taints and owners as they are', () => {
    const taints = [{ key: 'a', effect: 'NoSchedule' }];
    expect(refusal('UPDATE nodes', { name: 'n1', object: n1(), oldObject: n1({}, { taints }) })).toBe(
      'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
    );
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'gone', uid: 'x' }];
    expect(refusal('UPDATE nodes', { name: 'n1', object: n1({ ownerReferences }), oldObject: n1() })).toBe(
      'nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences',
    );
    expect(refusal('CREATE nodes', { object: n1({}, { taints }) })).toBeUndefined();
  });
});

describe('nodeRestriction() of pods [A39]', () => {
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1', controller: true };
  const mirror = (spec: object = {}, metadata: object = {}): object => ({
    metadata: {
      name: 'm',
      annotations: { 'kubernetes.io/config.mirror': 'h' },
      ownerReferences: [owner],
      ...metadata,
    },
    spec: { nodeName: 'n1', containers: [], ...spec },
  });
  const created = (object: object): string | undefined => refusal('CREATE pods', { object });

  it('lets a node make its own mirror pods', () => {
    expect(created(mirror())).toBeUndefined();
  });

  it.each<[string, object, string]>([
    [
      'an ordinary pod',
      mirror({}, { annotations: {} }),
      'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ],
    ['another node’s', mirror({ nodeName: 'n2' }), 'node "n1" can only create pods with spec.nodeName set to itself'],
    [
      'two owners',
      mirror({}, { ownerReferences: [owner, owner] }),
      'node "n1" can only create pods with a single owner reference set to itself',
    ],
    [
      'no owner',
      mirror({}, { ownerReferences: [] }),
      'node "n1" can only create pods with an owner reference set to itself',
    ],
    [
      'another owner',
      mirror({}, { ownerReferences: [{ ...owner, name: 'n2' }] }),
      'node "n1" can only create pods with an owner reference set to itself',
    ],
    [
      'no controller',
      mirror({}, { ownerReferences: [{ ...owner, controller: false }] }),
      'node "n1" can only create pods with a controller owner reference set to itself',
    ],
    [
      'a blocking owner',
      mirror({}, { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
      'node "n1" must not set blockOwnerDeletion on an owner reference',
    ],
    [
      'an older node',
      mirror({}, { ownerReferences: [{ ...owner, uid: 'u0' }] }),
      'node n1 UID mismatch: expected u0 got u1',
    ],
    [
      'a service account',
      mirror({ serviceAccountName: 'x' }),
      'node "n1" can not create pods that reference a service account',
    ],
    [
      'a secret',
      mirror({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }),
      'node "n1" can not create pods that reference secrets',
    ],
    [
      'a configmap',
      mirror({ containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'c' } }] }] }),
      'node "n1" can not create pods that reference configmaps',
    ],
    [
      'a claim',
      mirror({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }),
      'node "n1" can not create pods that reference persistentvolumeclaims',
    ],
    [
      'devices',
      mirror({ resourceClaims: [{ name: 'd', resourceClaimName: 'd' }] }),
      'node "n1" can not create pods that reference resourceclaims',
    ],
  ])('refuses a mirror pod with %s', (_, object, message) => {
    expect(created(object)).toBe(`pods "m" is forbidden: ${message}`);
  });

  it('lets a node delete and evict its own pods only', () => {
    expect(refusal('DELETE pods', { name: 'mine' })).toBeUndefined();
    expect(refusal('DELETE pods', { name: 'theirs' })).toBe(
      'pods "theirs" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    );
    expect(refusal('DELETE pods', { name: 'gone' })).toBe('pods "gone" not found');
    const object = { metadata: { name: 'theirs' } };
    expect(refusal('CREATE pods/eviction', { object })).toContain('node n1 can only evict pods');
    expect(refusal('CREATE pods/eviction', { object: { metadata: { name: 'mine' } } })).toBeUndefined();
  });

  it('lets a node write the status of its own pods, and no labels with it', () => {
    const pod = (metadata: object = {}, nodeName = 'n1', status: object = {}): object => ({
      metadata: { name: 'mine', ...metadata },
      spec: { nodeName },
      status,
    });
    const update = (object: object, oldObject: object): string | undefined =>
      refusal('UPDATE pods/status', { name: 'mine', object, oldObject });
    expect(update(pod({}, 'n1', { phase: 'Running' }), pod())).toBeUndefined();
    expect(update(pod(), pod({}, 'n2'))).toContain(
      'can only update pod status for pods with spec.nodeName set to itself',
    );
    expect(update(pod({ labels: { app: 'x' } }), pod())).toContain('cannot update labels through pod status');
    const resourceClaimStatuses = [{ name: 'd', resourceClaimName: 'theirs' }];
    expect(update(pod({}, 'n1', { resourceClaimStatuses }), pod())).toContain('cannot update resource claim statues');
    expect(refusal('UPDATE pods', { name: 'mine', object: pod(), oldObject: pod() })).toContain(
      'can only create and delete',
    );
    expect(refusal('CREATE pods/binding', { name: 'mine', object: {} })).toContain(
      'unexpected pod subresource "binding"',
    );
  });
});

describe('nodeRestriction() of tokens', () => {
  const asked = (name: string, uid: string, audiences?: string[]): string | undefined =>
    refusal('CREATE serviceaccounts/token', {
      name: 'robot',
      object: { metadata: {}, spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } } },
    });

  it('gives those of its own pods', () => {
    expect(asked('mine', 'p1')).toBeUndefined();
    expect(asked('vault', 'p3', ['vault'])).toBeUndefined();
    expect(asked('vault', 'p3', ['disk'])).toBeUndefined();
  });

  it.each<[string, string | undefined, string]>([
    ['another node’s pod', asked('theirs', 'p2'), 'node requested token bound to a pod scheduled on a different node'],
    ['a pod that was made again', asked('mine', 'p0'), 'the UID in the bound object reference (p0) does not match'],
    ['a pod without uid', asked('mine', ''), 'node requested token with a pod binding without a uid'],
    ['a pod that is not there', asked('gone', 'p1'), 'pods "gone" not found'],
    [
      'an audience that the pod does not name',
      asked('mine', 'p1', ['vault']),
      'audience "vault" not found in pod spec volume',
    ],
    [
      'the default audience that the pod does not name',
      asked('vault', 'p3'),
      'audience "" not found in pod spec volume',
    ],
    ['several audiences', asked('vault', 'p3', ['vault', 'disk']), 'node may only request 0 or 1 audiences'],
    [
      'nothing bound',
      refusal('CREATE serviceaccounts/token', { name: 'robot', object: { metadata: {}, spec: {} } }),
      'node requested token not bound to a pod',
    ],
  ])('refuses one for %s', (_, actual, expected) => {
    expect(actual).toContain(expected);
  });
});

describe('nodeRestriction() of the rest', () => {
  it('keeps leases, CSINodes and ResourceSlices to their node', () => {
    const named = (name: string): object => ({ metadata: { name } });
    const lease = { namespace: 'kube-node-lease' };
    expect(refusal('CREATE leases', { ...lease, object: named('n1') })).toBeUndefined();
    expect(refusal('CREATE leases', { ...lease, object: named('n2') })).toContain(
      'with the same name as the requesting node',
    );
    expect(refusal('UPDATE leases', { namespace: 'web', name: 'n1', object: named('n1') })).toContain(
      '"kube-node-lease"',
    );
    expect(refusal('UPDATE csinodes', { name: 'n2', object: named('n2') })).toContain('CSINode with the same name');
    expect(refusal('CREATE resourceslices', { object: { metadata: {}, spec: { nodeName: 'n2' } } })).toContain(
      'can only create ResourceSlice with the same NodeName as the requesting node',
    );
    expect(refusal('CREATE resourceslices', { object: { metadata: {}, spec: { nodeName: 'n1' } } })).toBeUndefined();
    const slice = (nodeName: string): object => ({ oldObject: { metadata: {}, spec: { nodeName } } });
    expect(refusal('DELETE resourceslices', slice('n2'))).toContain(
      'can only delete ResourceSlice with the same NodeName as the requesting node',
    );
    expect(refusal('DELETE resourceslices', slice('n1'))).toBeUndefined();
  });

  it('has no other node’s name signed by a signer of kubelets', async () => {
    const ask = async (commonName: string, signerName: string): Promise<string | undefined> => {
      const request = await requestFor(`CN=${commonName}, O=system:nodes`);
      return refusal('CREATE certificatesigningrequests', { object: { metadata: {}, spec: { request, signerName } } });
    };
    for (const signer of ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']) {
      expect(await ask('system:node:n1', signer)).toBeUndefined();
      expect(await ask('system:node:n2', signer)).toContain('can only create a node CSR with CN=system:node:n1');
    }
    expect(await ask('system:node:n2', 'example.com/mine')).toBeUndefined();
    const garbage = { metadata: {}, spec: { request: 'eHg=', signerName: 'kubernetes.io/kubelet-serving' } };
    expect(refusal('CREATE certificatesigningrequests', { object: garbage })).toContain('unable to parse csr: PEM');
  });

  it('lets a node report a claim’s capacity and nothing else', () => {
    const claim = (status: object, metadata: object = {}): object => ({ metadata: { name: 'c', ...metadata }, status });
    const update = (object: object): string | undefined =>
      refusal('UPDATE persistentvolumeclaims/status', { name: 'c', object, oldObject: claim({ phase: 'Bound' }) });
    expect(update(claim({ phase: 'Bound', capacity: { storage: '1Gi' } }, { resourceVersion: '2' }))).toBeUndefined();
    expect(update(claim({ phase: 'Lost' }))).toContain('fields other than status.capacity and status.conditions');
    expect(update(claim({ phase: 'Bound' }, { finalizers: ['x'] }))).toContain('fields other than');
    expect(refusal('UPDATE persistentvolumeclaims', { name: 'c', object: claim({}) })).toContain(
      'may only update PVC status',
    );
  });
});
