/** The two controllers of ResourceClaims over the real API server in this process. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ResourceClaim } from '../../api/resource/v1/resource-claim.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { eventually, runControllers } from '../testing.ts';
import { claimCleanUp } from './claim-clean-up.ts';
import { claimsOfPods } from './claims-of-pods.ts';
import { generateNameOf } from './pod-claims.ts';

const CLAIMS = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims';
const TEMPLATES = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaimtemplates';
const PODS = '/api/v1/namespaces/default/pods';
const FINALIZER = 'resource.kubernetes.io/delete-protection';

let server: TestServer;
let stop: () => Promise<void>;
const told: [pod: string, reason: string, message: string][] = [];
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [claimsOfPods, claimCleanUp], {
    event(object, _type, reason, message) {
      told.push([('metadata' in object ? object.metadata.name : object.name) ?? '', reason, message]);
    },
  });
});
afterAll(async () => {
  await stop();
  await server.close();
});

const devices = {
  requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }],
};
const makeTemplate = (name: string): Promise<unknown> =>
  server.call('POST', TEMPLATES, {
    metadata: { name },
    spec: { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } }, spec: { devices } },
  });
const makePod = (name: string, resourceClaim: object, spec: object = {}): Promise<Pod> =>
  server.call('POST', PODS, {
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i' }], resourceClaims: [{ name: 'gpu', ...resourceClaim }], ...spec },
  });
const merge = (url: string, body: object): Promise<unknown> =>
  server.send('PATCH', url, { body, contentType: 'application/merge-patch+json' });
const read = async <T>(url: string): Promise<T | undefined> => {
  const { status, body } = await server.send('GET', url);
  return status === 200 ? (body as T) : undefined;
};
const claimWith = (name: string, holds: (claim: ResourceClaim) => boolean): Promise<ResourceClaim> =>
  eventually(async () => {
    const claim = await read<ResourceClaim>(`${CLAIMS}/${name}`);
    return claim !== undefined && holds(claim) ? claim : undefined;
  });
/** The name that the pod was told, other than this one. */
const claimNameOf = (pod: string, but?: string): Promise<string> =>
  eventually(async () => {
    const found = await read<Pod>(`${PODS}/${pod}`);
    const name = found?.status?.resourceClaimStatuses?.find((one) => one.name === 'gpu')?.resourceClaimName;
    return name === but ? undefined : name;
  });
const gone = (url: string): Promise<true> =>
  eventually(async () => ((await server.send('GET', url)).status === 404 ? true : undefined));
/** What a scheduler does. */
const allocate = async (name: string, ...users: Pod[]): Promise<void> => {
  await merge(`${CLAIMS}/${name}`, { metadata: { finalizers: [FINALIZER] } });
  const reservedFor = users.map(({ metadata }) => ({ resource: 'pods', name: metadata.name, uid: metadata.uid }));
  const results = [{ request: 'r', driver: 'gpu.example.com', pool: 'p', device: 'd' }];
  await merge(`${CLAIMS}/${name}/status`, { status: { allocation: { devices: { results } }, reservedFor } });
};
const end = (pod: string): Promise<unknown> => merge(`${PODS}/${pod}/status`, { status: { phase: 'Succeeded' } });

describe('claims that pods want from templates [W15]', () => {
  it('are made as the template says, are the pod’s own, and the pod is told; again when one was deleted', async () => {
    await makeTemplate('whole');
    const pod = await makePod('p', { resourceClaimTemplateName: 'whole' });
    const name = await claimNameOf('p');
    expect(name).toMatch(/^p-gpu-.{5}$/);
    const claim = await claimWith(name, () => true);
    expect(claim.metadata).toMatchObject({
      labels: { a: 'b' },
      annotations: { c: 'd', 'resource.kubernetes.io/pod-claim-name': 'gpu' },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true, blockOwnerDeletion: true },
      ],
    });
    expect(claim.spec).toEqual({ devices });
    await server.call('DELETE', `${CLAIMS}/${name}`);
    const next = await claimNameOf('p', name);
    expect((await claimWith(next, () => true)).metadata.ownerReferences?.[0]?.uid).toBe(pod.metadata.uid);
  });

  it('wait for their template, which an event says', async () => {
    await makePod('early', { resourceClaimTemplateName: 'late' });
    expect(await eventually(async () => told.find(([pod]) => pod === 'early'))).toEqual([
      'early',
      'FailedResourceClaimCreation',
      'PodResourceClaim gpu: resource claim template "late": resourceclaimtemplate.resource.k8s.io "late" not found',
    ]);
    await makeTemplate('late');
    expect(await claimNameOf('early')).toMatch(/^early-gpu-/);
  });

  it('lose what they got with their pod’s end, and go', async () => {
    await makeTemplate('short');
    const pod = await makePod('done', { resourceClaimTemplateName: 'short' }, { nodeName: 'n1' });
    const name = await claimNameOf('done');
    await allocate(name, pod);
    await claimWith(name, ({ status }) => status?.reservedFor?.length === 1);
    await end('done');
    await gone(`${CLAIMS}/${name}`);
    // It has no further use for one.
    expect(await claimNameOf('done')).toBe(name);
    const { items } = await server.call<{ items: ResourceClaim[] }>('GET', CLAIMS);
    expect(items.filter(({ metadata }) => metadata.name?.startsWith('done-'))).toEqual([]);
  });
});

describe('claims that pods name [W15]', () => {
  const makeClaim = (name: string): Promise<ResourceClaim> =>
    server.call('POST', CLAIMS, { metadata: { name }, spec: { devices } });

  it('are reserved for pods that have a node already, and freed by the last of them', async () => {
    await makeClaim('shared');
    const first = await makePod('first', { resourceClaimName: 'shared' });
    await allocate('shared', first);
    const second = await makePod('second', { resourceClaimName: 'shared' }, { nodeName: 'n1' });
    const { status } = await claimWith('shared', (claim) => claim.status?.reservedFor?.length === 2);
    expect(status?.reservedFor?.[1]).toEqual({ resource: 'pods', name: 'second', uid: second.metadata.uid });
    await server.send('DELETE', `${PODS}/first?gracePeriodSeconds=0`);
    const left = await claimWith('shared', (claim) => claim.status?.reservedFor?.length === 1);
    expect(left.status?.reservedFor?.[0]?.name).toBe('second');
    expect(left.status?.allocation).toBeDefined();
    await end('second');
    const free = await claimWith('shared', ({ metadata }) => metadata.finalizers === undefined);
    expect([free.status?.allocation, free.status?.reservedFor]).toEqual([undefined, undefined]);
  });

  it('lose reservations of pods that have never been, keep what nobody has used yet, and can be deleted', async () => {
    await makeClaim('odd');
    const pod = { metadata: { name: 'never', uid: 'no-such-uid' } } as Pod;
    await allocate('odd', pod);
    await claimWith('odd', ({ status }) => status?.allocation === undefined && status?.reservedFor === undefined);
    await makeClaim('unused');
    await allocate('unused');
    await server.send('DELETE', `${CLAIMS}/unused`);
    await gone(`${CLAIMS}/unused`);
  });
});

describe('generateNameOf()', () => {
  it.each([
    ['web-0', 'gpu', 'web-0-gpu-'],
    ['p'.repeat(60), 'c'.repeat(20), `${'p'.repeat(41)}-${'c'.repeat(13)}`],
  ])('of %s and %s is %s', (pod, claim, expected) => {
    expect(generateNameOf(pod, claim)).toBe(expected);
  });
});
