import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { ephemeralVolumeController } from './ephemeral-volume.ts';
import { eventually, runControllers } from './testing.ts';

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const PODS = '/api/v1/namespaces/default/pods';

let server: TestServer;
let stop: () => Promise<void>;
const told: [pod: string, type: string, reason: string, message: string][] = [];
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [ephemeralVolumeController], {
    event(object, type, reason, message) {
      told.push([('metadata' in object ? object.metadata.name : object.name) ?? '', type, reason, message]);
    },
  });
});
afterAll(async () => {
  await stop();
  await server.close();
});

const spec = {
  accessModes: ['ReadWriteOnce'],
  storageClassName: 'standard',
  resources: { requests: { storage: '1Gi' } },
  volumeMode: 'Filesystem',
};
const makePod = (name: string): Promise<Pod> =>
  server.call('POST', PODS, {
    metadata: { name },
    spec: {
      containers: [{ name: 'c', image: 'i' }],
      volumes: [
        {
          name: 'scratch',
          ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } }, spec } },
        },
      ],
    },
  });
const claimWith = (name: string, uid?: string): Promise<PersistentVolumeClaim> =>
  eventually(async () => {
    const { status, body } = await server.send('GET', `${CLAIMS}/${name}`);
    const claim = body as PersistentVolumeClaim;
    return status === 200 && claim.metadata.uid !== uid ? claim : undefined;
  });

it('makes the claim of an ephemeral volume, as its template says, and again when it was deleted', async () => {
  const pod = await makePod('p');
  const claim = await claimWith('p-scratch');
  expect(claim.metadata).toMatchObject({ labels: { a: 'b' }, annotations: { c: 'd' } });
  expect(claim.metadata.ownerReferences).toEqual([
    { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true, blockOwnerDeletion: true },
  ]);
  expect(claim.spec).toEqual(spec);
  await server.send('PATCH', `${CLAIMS}/p-scratch`, {
    body: { metadata: { finalizers: null } },
    contentType: 'application/merge-patch+json',
  });
  await server.call('DELETE', `${CLAIMS}/p-scratch`);
  await claimWith('p-scratch', claim.metadata.uid);
});

it('does not take a claim that is not the pod’s, and says so', async () => {
  const foreign = await server.call<PersistentVolumeClaim>('POST', CLAIMS, { metadata: { name: 'q-scratch' }, spec });
  await makePod('q');
  const message =
    'ephemeral volume scratch: PVC default/q-scratch was not created for pod default/q (pod is not owner)';
  expect(await eventually(async () => told.find(([pod]) => pod === 'q'))).toEqual([
    'q',
    'Warning',
    'FailedBinding',
    message,
  ]);
  const kept = await server.call<PersistentVolumeClaim>('GET', `${CLAIMS}/q-scratch`);
  expect(kept.metadata.ownerReferences).toBeUndefined();
  expect(kept.metadata.uid).toBe(foreign.metadata.uid);
});
