import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pods } from '../api/core/v1/pod.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { newControllerRef } from '../client/owner-references.ts';
import { persistentVolumeClaimProtection } from './persistent-volume-claim-protection.ts';
import { persistentVolumeProtection } from './persistent-volume-protection.ts';
import { eventually, runControllers } from './testing.ts';

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
const PODS = '/api/v1/namespaces/default/pods';

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [persistentVolumeClaimProtection, persistentVolumeProtection]);
});
afterAll(async () => {
  await stop();
  await server.close();
});

const makeClaim = (name: string): Promise<ApiObject> =>
  server.call('POST', CLAIMS, {
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
const makeVolume = (name: string): Promise<ApiObject> =>
  server.call('POST', VOLUMES, {
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } },
  });
const gone = (url: string): Promise<true> =>
  eventually(async () => ((await server.send('GET', url)).status === 404 ? true : undefined));

it('keeps a claim while a pod with a node uses it', async () => {
  expect((await makeClaim('used')).metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
  await server.call('POST', PODS, {
    metadata: { name: 'user' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'used' } }],
    },
  });
  await makeClaim('unused');
  await server.call('DELETE', `${CLAIMS}/used`);
  await server.call('DELETE', `${CLAIMS}/unused`);
  await gone(`${CLAIMS}/unused`);
  const kept = await server.call<ApiObject>('GET', `${CLAIMS}/used`);
  expect(kept.metadata.deletionTimestamp).toBeDefined();
  await server.call('DELETE', `${PODS}/user?gracePeriodSeconds=0`);
  await gone(`${CLAIMS}/used`);
});

it('lets the claim of an ephemeral volume go before a pod that waits for it', async () => {
  const { spec } = (await makeClaim('model')) as ApiObject & { spec: object };
  const pod = await server.call<ApiObject>('POST', PODS, {
    metadata: { name: 'waiting' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec } } }],
    },
  });
  const metadata = { name: 'waiting-v', ownerReferences: [newControllerRef(pod, pods)] };
  await server.call('POST', CLAIMS, { metadata, spec });
  await server.call('DELETE', `${PODS}/waiting?propagationPolicy=Foreground`);
  await server.call('DELETE', `${CLAIMS}/waiting-v`);
  expect((await server.send('GET', `${CLAIMS}/waiting-v`)).status).toBe(200);
  // As its kubelet does in the end.
  await server.call('DELETE', `${PODS}/waiting?gracePeriodSeconds=0`);
  await gone(`${CLAIMS}/waiting-v`);
  const held = await server.call<ApiObject>('GET', `${PODS}/waiting`);
  expect(held.metadata.finalizers).toEqual(['foregroundDeletion']);
});

it('keeps a volume while it is bound', async () => {
  expect((await makeVolume('bound')).metadata.finalizers).toEqual(['kubernetes.io/pv-protection']);
  await makeVolume('free');
  const setPhase = (phase: string): Promise<unknown> =>
    server.send('PATCH', `${VOLUMES}/bound/status`, {
      body: { status: { phase } },
      contentType: 'application/merge-patch+json',
    });
  await setPhase('Bound');
  await server.call('DELETE', `${VOLUMES}/bound`);
  await server.call('DELETE', `${VOLUMES}/free`);
  await gone(`${VOLUMES}/free`);
  expect((await server.send('GET', `${VOLUMES}/bound`)).status).toBe(200);
  await setPhase('Released');
  await gone(`${VOLUMES}/bound`);
});

it('gives its finalizer to a claim that lost it', async () => {
  await makeClaim('bare');
  await server.send('PATCH', `${CLAIMS}/bare`, {
    body: { metadata: { finalizers: null } },
    contentType: 'application/merge-patch+json',
  });
  await eventually(async () => {
    const { metadata } = await server.call<ApiObject>('GET', `${CLAIMS}/bare`);
    return metadata.finalizers?.includes('kubernetes.io/pvc-protection') === true ? true : undefined;
  });
});
