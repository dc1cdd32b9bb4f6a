/**
 * Quotas, limits, classes, storage objects and certificate requests as objects of the API: upstream's
 * test/e2e/apimachinery, scheduling, storage, node and auth, on a cluster without nodes.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { certificateSigningRequests } from '../../api/certificates/v1/certificate-signing-request.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { sampleOf } from '../every-kind/samples.ts';
import type { Conformance, Json } from './conformance.ts';
import { eventually, pod, startConformance } from './conformance.ts';

let cluster: Conformance;
let namespace: string;
beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'none']);
  namespace = await cluster.namespace('policies');
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const LABEL = 'policies.example.com/of';

const isGone = async (url: string): Promise<boolean> => (await cluster.send('GET', url)).status === 404;

/** Create, read, list, watch, patch, update, delete, and delete as a collection, as upstream's API tests do. */
async function live(collection: string, sample: Json): Promise<void> {
  const of = sample.metadata.name;
  const labelled = (name: string): Json => ({
    ...sample,
    metadata: { ...sample.metadata, name, labels: { [LABEL]: of } },
  });
  const selector = `labelSelector=${encodeURIComponent(`${LABEL}=${of}`)}`;
  const url = `${collection}/${of}`;
  const watch = await cluster.watch(collection, { labelSelector: `${LABEL}=${of}` });
  try {
    const made = await cluster.post(collection, labelled(of));
    // Its status and what a controller notes on it may have changed since.
    const { uid, creationTimestamp } = made.metadata;
    const { apiVersion, kind, spec } = await cluster.get(url);
    expect({ apiVersion, kind, spec }).toEqual({ apiVersion: made.apiVersion, kind: made.kind, spec: made.spec });
    expect((await cluster.get(url)).metadata).toMatchObject({ name: of, uid, creationTimestamp });
    const everywhere = collection.replace(/\/namespaces\/[^/]+/, '');
    for (const path of new Set([collection, everywhere]))
      expect((await cluster.get(`${path}?${selector}`)).items.map(({ metadata }: Json) => metadata.name)).toEqual([of]);
    expect((await cluster.patch(url, { metadata: { labels: { patched: 'yes' } } })).metadata.labels.patched).toBe(
      'yes',
    );
    const updated = await cluster.update(url, (object) => void (object.metadata.annotations = { updated: 'yes' }));
    expect(updated.metadata).toMatchObject({ annotations: { updated: 'yes' }, labels: { patched: 'yes' } });
    await cluster.remove(url);
    await eventually(`${of} is gone`, () => isGone(url));
    await eventually('the watch has seen it', () => watch.events.at(-1)?.type === 'DELETED');
    expect(watch.events.map(({ type }) => type)).toEqual(expect.arrayContaining(['ADDED', 'MODIFIED', 'DELETED']));
    for (const name of [`${of}-1`, `${of}-2`]) await cluster.post(collection, labelled(name));
    await cluster.remove(`${collection}?${selector}`);
    await eventually('all are gone', async () => (await cluster.get(`${collection}?${selector}`)).items.length === 0);
  } finally {
    watch.stop();
  }
}

describe('storage objects', () => {
  const STORAGE = '/apis/storage.k8s.io/v1';
  const volume = (name: string): Json => ({
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'manual',
      hostPath: { path: '/data' },
    },
  });
  const claim = (name: string): Json => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'manual', resources: { requests: { storage: '1Gi' } } },
  });
  const attachment = (name: string): Json => ({
    metadata: { name },
    spec: { attacher: 'csi.example.com', nodeName: 'node', source: { persistentVolumeName: 'volume' } },
  });

  it('lets a StorageClass live [conformance: StorageClass, lifecycle]', () =>
    live(`${STORAGE}/storageclasses`, { metadata: { name: 'sc' }, provisioner: 'example.com/p' }));

  it('lets a VolumeAttributesClass live [conformance: VolumeAttributesClass, lifecycle]', () => {
    const content = { driverName: 'csi.example.com', parameters: { a: 'b' } };
    return live(`${STORAGE}/volumeattributesclasses`, { metadata: { name: 'vac' }, ...content });
  });

  it('lets a CSIDriver live [conformance: CSIDriver, lifecycle]', () =>
    live(`${STORAGE}/csidrivers`, { metadata: { name: 'csi.example.com' }, spec: { attachRequired: false } }));

  it('lets a CSINode live [conformance: CSINode, lifecycle]', () =>
    live(`${STORAGE}/csinodes`, { metadata: { name: 'node' }, spec: { drivers: [{ name: 'd', nodeID: 'n' }] } }));

  it('lets a CSIStorageCapacity live [conformance: CSIStorageCapacity API]', () => {
    const collection = `${STORAGE}/namespaces/${namespace}/csistoragecapacities`;
    return live(collection, { metadata: { name: 'capacity' }, storageClassName: 'sc', capacity: '1Gi' });
  });

  it('lets a VolumeAttachment live [conformance: VolumeAttachment, lifecycle]', () =>
    live(`${STORAGE}/volumeattachments`, attachment('attachment')));

  it('takes the status of a VolumeAttachment [conformance: VolumeAttachment, apply changes to a volumeattachment status]', async () => {
    const url = `${STORAGE}/volumeattachments/attached`;
    await cluster.post(`${STORAGE}/volumeattachments`, attachment('attached'));
    const patched = await cluster.patch(`${url}/status`, { status: { attached: true } });
    expect(patched.status.attached).toBe(true);
    expect((await cluster.get(`${url}/status`)).status.attached).toBe(true);
    const updated = await cluster.update(`${url}/status`, (object) => void (object.status.attached = false));
    expect(updated.status.attached).toBe(false);
    await cluster.remove(url);
  });

  it('lets volumes and claims live [conformance: PersistentVolumes(Claims), lifecycle]', async () => {
    await live('/api/v1/persistentvolumes', volume('volume'));
    await live(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`, claim('claim'));
  });

  it('takes the status of both [conformance: PersistentVolumes(Claims), apply changes to a pv/pvc status]', async () => {
    const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
    for (const [collection, object] of [
      [claims, claim('status')],
      ['/api/v1/persistentvolumes', volume('status')],
    ] as [string, Json][]) {
      await cluster.post(collection, object);
      const url = `${collection}/status/status`;
      // A volume is free as soon as a controller has seen it; that write would take the message back.
      const phase = collection === claims ? 'Pending' : 'Available';
      await eventually(`it is ${phase}`, async () => (await cluster.get(url)).status.phase === phase);
      const conditions = [{ type: 'Patched', status: 'True', reason: 'E2E', message: 'by a test' }];
      const wanted = collection === claims ? { conditions } : { message: 'patched', reason: 'E2E' };
      expect((await cluster.patch(url, { status: wanted })).status).toMatchObject(wanted);
      expect((await cluster.get(url)).status).toMatchObject(wanted);
      const updated = await cluster.update(url, (one) => void (one.status.phase = 'Failed'));
      expect(updated.status).toMatchObject({ ...wanted, phase: 'Failed' });
      await cluster.remove(`${collection}/status`);
      await eventually('it is gone', () => isGone(`${collection}/status`));
    }
  });
});

describe('classes of pods', () => {
  it('lets a RuntimeClass live [conformance: RuntimeClass API]', () =>
    live('/apis/node.k8s.io/v1/runtimeclasses', { metadata: { name: 'rc' }, handler: 'runc' }));

  it('rejects pods of a class that is not there [conformance: Pod with the non-existing RuntimeClass is rejected.]', async () => {
    const body = pod('nonexistent', { runtimeClassName: 'none' });
    const { status, body: answer } = await cluster.send('POST', `/api/v1/namespaces/${namespace}/pods`, { body });
    expect({ status, reason: answer.reason }).toEqual({ status: 403, reason: 'Forbidden' });
    expect(answer.message).toContain('RuntimeClass "none" not found');
  });

  it('rejects pods of a class that was deleted [conformance: Pod with the deleted RuntimeClass is rejected.]', async () => {
    const classes = '/apis/node.k8s.io/v1/runtimeclasses';
    await cluster.post(classes, { metadata: { name: 'passing' }, handler: 'runc' });
    await cluster.remove(`${classes}/passing`);
    const body = pod('deleted', { runtimeClassName: 'passing' });
    const { status } = await cluster.send('POST', `/api/v1/namespaces/${namespace}/pods`, { body });
    expect(status).toBe(403);
  });

  it('keeps value and name of a PriorityClass [conformance: Scheduler, Verify PriorityClass endpoints]', async () => {
    const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
    await live(classes, { metadata: { name: 'pc' }, value: 10 });
    const made = await cluster.post(classes, { metadata: { name: 'fixed' }, value: 20 });
    for (const change of [{ value: 30 }, { preemptionPolicy: 'Never' }]) {
      const { status, body } = await cluster.send('PATCH', `${classes}/fixed`, {
        body: change,
        type: 'application/merge-patch+json',
      });
      expect({ status, reason: body.reason }).toEqual({ status: 422, reason: 'Invalid' });
    }
    const described = await cluster.update(`${classes}/fixed`, (one) => void (one.description = 'A description'));
    expect(described).toMatchObject({ value: made.value, description: 'A description' });
    const names = (await cluster.get(classes)).items.map(({ metadata }: Json) => metadata.name);
    expect(names).toEqual(expect.arrayContaining(['fixed', 'system-cluster-critical', 'system-node-critical']));
    await cluster.remove(`${classes}/fixed`);
  });
});

describe('certificate requests', () => {
  it('live, are approved and signed [conformance: CertificateSigningRequest API]', async () => {
    const collection = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    const { request } = sampleOf(certificateSigningRequests as unknown as Resource).object.spec as Json;
    const usages = ['digital signature', 'key encipherment', 'server auth'];
    const spec = { request, signerName: 'example.com/e2e', usages, expirationSeconds: 3600 };
    await live(collection, { metadata: { name: 'csr' }, spec });
    await cluster.post(collection, { metadata: { name: 'signed' }, spec });
    const url = `${collection}/signed`;
    const condition = { type: 'Approved', status: 'True', reason: 'E2E', message: 'Set by a test' };
    const approved = await cluster.patch(`${url}/approval`, { status: { conditions: [condition] } });
    expect(approved.status.conditions).toMatchObject([condition]);
    expect((await cluster.get(`${url}/approval`)).status.conditions).toMatchObject([condition]);
    const authority = await cluster.get(`/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`);
    const certificate = Buffer.from(authority.data['ca.crt']).toString('base64');
    const signed = await cluster.patch(`${url}/status`, { status: { certificate } });
    expect(signed.status).toMatchObject({ certificate, conditions: [condition] });
    await cluster.remove(url);
  });
});
