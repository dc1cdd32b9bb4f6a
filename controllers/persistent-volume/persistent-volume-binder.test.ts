import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { persistentVolumeClaimProtection } from '../persistent-volume-claim-protection.ts';
import { persistentVolumeProtection } from '../persistent-volume-protection.ts';
import { eventually, runControllers } from '../testing.ts';
import { persistentVolumeBinder } from './persistent-volume-binder.ts';

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';

interface Recorded {
  about: string;
  type: string;
  reason: string;
  message: string;
}

let server: TestServer;
let stop: () => Promise<void>;
let recorded: Recorded[];

beforeEach(async () => {
  server = await startTestServer();
  recorded = [];
  stop = runControllers(
    server.api.handler,
    [persistentVolumeBinder, persistentVolumeClaimProtection, persistentVolumeProtection],
    {
      event(object, type, reason, message) {
        const { name = '' } = 'metadata' in object ? object.metadata : object;
        recorded.push({ about: name, type, reason, message });
      },
    },
  );
});
afterEach(async () => {
  await stop();
  await server.close();
});

type ClaimSpec = Partial<PersistentVolumeClaim['spec']>;
type VolumeSpec = Partial<PersistentVolume['spec']>;

function makeClaim(name: string, spec: ClaimSpec = {}, storage = '1Gi'): Promise<PersistentVolumeClaim> {
  const resources = { requests: { storage } };
  const defaults = { accessModes: ['ReadWriteOnce'], storageClassName: '', resources };
  return server.call('POST', CLAIMS, { metadata: { name }, spec: { ...defaults, ...spec } });
}

function makeVolume(name: string, spec: VolumeSpec = {}, labels = {}): Promise<PersistentVolume> {
  const defaults = { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } };
  return server.call('POST', VOLUMES, { metadata: { name, labels }, spec: { ...defaults, ...spec } });
}

const makeClass = (name: string, fields: object = {}): Promise<unknown> =>
  server.call('POST', CLASSES, { metadata: { name }, provisioner: 'example.com/disks', ...fields });

const patch = (url: string, body: unknown): Promise<unknown> =>
  server.send('PATCH', url, { body, contentType: 'application/merge-patch+json' });

const claimWhen = (name: string, holds: (claim: PersistentVolumeClaim) => boolean): Promise<PersistentVolumeClaim> =>
  eventually(async () => {
    const claim = await server.call<PersistentVolumeClaim>('GET', `${CLAIMS}/${name}`);
    return holds(claim) ? claim : undefined;
  });
const volumeIn = (name: string, phase: string): Promise<PersistentVolume> =>
  eventually(async () => {
    const volume = await server.call<PersistentVolume>('GET', `${VOLUMES}/${name}`);
    return volume.status?.phase === phase ? volume : undefined;
  });
const boundTo = async (name: string): Promise<string | undefined> =>
  (await claimWhen(name, ({ status }) => status?.phase === 'Bound')).spec.volumeName;
const eventWith = (wanted: Partial<Recorded>): Promise<Recorded> =>
  eventually(async () =>
    recorded.find((one) => Object.entries(wanted).every(([key, value]) => one[key as keyof Recorded] === value)),
  );

describe('persistentVolumeBinder', () => {
  it('binds a claim to the smallest volume that is large enough, and says so on both', async () => {
    await makeVolume('small', { capacity: { storage: '512Mi' } });
    await makeVolume('large', { capacity: { storage: '10Gi' } });
    await makeVolume('right', { capacity: { storage: '2Gi' } });
    await volumeIn('right', 'Available');
    await volumeIn('large', 'Available');
    await makeClaim('c');
    const claim = await claimWhen('c', ({ status }) => status?.phase === 'Bound');
    expect(claim).toMatchObject({
      metadata: {
        annotations: { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' },
      },
      spec: { volumeName: 'right' },
      status: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'] },
    });
    const volume = await volumeIn('right', 'Bound');
    expect(volume.metadata.annotations).toEqual({ 'pv.kubernetes.io/bound-by-controller': 'yes' });
    expect(volume.spec.claimRef).toMatchObject({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      namespace: 'default',
      name: 'c',
      uid: claim.metadata.uid,
    });
    await volumeIn('large', 'Available');
  });

  it('looks at access modes, labels, class and mode', async () => {
    await makeVolume('many', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] });
    await makeVolume('once');
    await makeVolume('block', { volumeMode: 'Block' });
    await makeVolume('gold', {}, { tier: 'gold' });
    await makeVolume('fast', { storageClassName: 'fast' });
    for (const name of ['many', 'once', 'block', 'gold', 'fast']) await volumeIn(name, 'Available');
    await makeClaim('for-gold', { selector: { matchLabels: { tier: 'gold' } } });
    expect(await boundTo('for-gold')).toBe('gold');
    await makeClaim('for-many', { accessModes: ['ReadWriteMany'] });
    expect(await boundTo('for-many')).toBe('many');
    await makeClaim('for-fast', { storageClassName: 'fast' });
    expect(await boundTo('for-fast')).toBe('fast');
    await makeClaim('for-block', { volumeMode: 'Block' });
    expect(await boundTo('for-block')).toBe('block');
    await makeClaim('plain');
    expect(await boundTo('plain')).toBe('once');
  });

  it('takes the volume with the fewest access modes, though it is larger', async () => {
    await makeVolume('both', { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] });
    await makeVolume('one', { capacity: { storage: '5Gi' } });
    await volumeIn('both', 'Available');
    await volumeIn('one', 'Available');
    await makeClaim('c');
    expect(await boundTo('c')).toBe('one');
  });

  it('says that there is no volume, and binds when one comes', async () => {
    await makeClaim('c');
    await eventWith({
      about: 'c',
      type: 'Normal',
      reason: 'FailedBinding',
      message: 'no persistent volumes available for this claim and no storage class is set',
    });
    await makeVolume('late');
    expect(await boundTo('c')).toBe('late');
  });

  it('keeps a reserved volume for its claim, and gives a claim the volume that it names', async () => {
    await makeVolume('reserved', { claimRef: { namespace: 'default', name: 'mine' }, capacity: { storage: '9Gi' } });
    await volumeIn('reserved', 'Available');
    await makeVolume('named');
    await volumeIn('named', 'Available');
    await makeClaim('other', { volumeName: 'reserved' });
    await eventWith({ type: 'Warning', message: 'volume "reserved" already bound to a different claim.' });
    await makeClaim('mine');
    expect(await boundTo('mine')).toBe('reserved');
    const volume = await volumeIn('reserved', 'Bound');
    expect(volume.metadata.annotations).toBeUndefined();
    await makeClaim('big', { volumeName: 'named' }, '5Gi');
    await eventWith({
      about: 'big',
      type: 'Warning',
      reason: 'VolumeMismatch',
      message: 'Cannot bind to requested volume "named": requested PV is too small',
    });
    await makeClaim('fits', { volumeName: 'named' });
    const fits = await claimWhen('fits', ({ status }) => status?.phase === 'Bound');
    expect(fits.metadata.annotations).toEqual({ 'pv.kubernetes.io/bind-completed': 'yes' });
  });

  it('asks the provisioner of the class, and says when there is no such class', async () => {
    await makeClaim('c', { storageClassName: 'disks' });
    await eventWith({
      type: 'Warning',
      reason: 'ProvisioningFailed',
      message: 'storageclass.storage.k8s.io "disks" not found',
    });
    await makeClass('disks');
    await eventWith({
      type: 'Normal',
      reason: 'ExternalProvisioning',
      message:
        "Waiting for a volume to be created either by the external provisioner 'example.com/disks' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
    });
    const { metadata } = await claimWhen('c', (claim) => claim.metadata.annotations !== undefined);
    expect(metadata.annotations).toEqual({
      'volume.beta.kubernetes.io/storage-provisioner': 'example.com/disks',
      'volume.kubernetes.io/storage-provisioner': 'example.com/disks',
    });
    await makeClass('by-hand', { provisioner: 'kubernetes.io/no-provisioner' });
    await makeClaim('d', { storageClassName: 'by-hand' });
    await eventWith({ about: 'd', message: 'no volume plugin matched name: kubernetes.io/no-provisioner' });
  });

  it('gives a claim from before the default class that class', async () => {
    await server.call('POST', CLAIMS, {
      metadata: { name: 'early' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await eventWith({ about: 'early', reason: 'FailedBinding' });
    await makeClass('standard', {
      metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    });
    await claimWhen('early', ({ spec }) => spec.storageClassName === 'standard');
    await eventWith({ about: 'early', reason: 'ExternalProvisioning' });
  });

  it('waits for the first consumer where the class says so, and names the pods', async () => {
    await makeClass('local', { volumeBindingMode: 'WaitForFirstConsumer' });
    await makeVolume('v', { storageClassName: 'local' });
    await volumeIn('v', 'Available');
    await makeClaim('c', { storageClassName: 'local' });
    await eventWith({
      type: 'Normal',
      reason: 'WaitForFirstConsumer',
      message: 'waiting for first consumer to be created before binding',
    });
    await server.call('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }],
      },
    });
    await eventWith({ reason: 'WaitForPodScheduled', message: 'waiting for pod p to be scheduled' });
    await patch(`${CLAIMS}/c`, { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } });
    await eventWith({ reason: 'ExternalProvisioning' });
    expect((await volumeIn('v', 'Available')).spec.claimRef).toBeUndefined();
  });

  it('releases volumes of deleted claims: kept, left to their maker, or failed by policy', async () => {
    const policies = { kept: 'Retain', failing: 'Delete', recycled: 'Recycle', made: 'Delete' };
    for (const [name, persistentVolumeReclaimPolicy] of Object.entries(policies)) {
      await makeVolume(name, { persistentVolumeReclaimPolicy, storageClassName: name });
      await volumeIn(name, 'Available');
      await makeClaim(name, { storageClassName: name });
      await boundTo(name);
    }
    await patch(`${VOLUMES}/made`, {
      metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': 'example.com/x' } },
    });
    for (const name of Object.keys(policies)) await server.call('DELETE', `${CLAIMS}/${name}`);
    await volumeIn('kept', 'Released');
    await volumeIn('made', 'Released');
    const failing = await volumeIn('failing', 'Failed');
    const message = 'error getting deleter volume plugin for volume "failing": no volume plugin matched';
    expect(failing.status?.message).toBe(message);
    await eventWith({ about: 'failing', type: 'Warning', reason: 'VolumeFailedDelete', message });
    await volumeIn('recycled', 'Failed');
    await eventWith({ reason: 'VolumeFailedRecycle', message: 'No recycler plugin found for the volume!' });
    // A new claim of the old name is another one.
    await makeClaim('kept', { storageClassName: 'kept' });
    await eventWith({ about: 'kept', reason: 'ProvisioningFailed' });
    expect((await volumeIn('kept', 'Released')).spec.claimRef?.name).toBe('kept');
  });

  it('makes a volume free again when its reservation is taken off', async () => {
    await makeVolume('v');
    await volumeIn('v', 'Available');
    await makeClaim('c');
    await boundTo('c');
    await server.call('DELETE', `${CLAIMS}/c`);
    await volumeIn('v', 'Released');
    await makeClaim('next');
    await patch(`${VOLUMES}/v`, { spec: { claimRef: null } });
    expect(await boundTo('next')).toBe('v');
  });

  it('calls a claim lost when its volume is gone', async () => {
    await makeVolume('v');
    await volumeIn('v', 'Available');
    await makeClaim('c');
    await boundTo('c');
    await server.call('DELETE', `${VOLUMES}/v`);
    await patch(`${VOLUMES}/v`, { metadata: { finalizers: null } });
    await claimWhen('c', ({ status }) => status?.phase === 'Lost');
    const message = 'Bound claim has lost its PersistentVolume. Data on the volume is lost!';
    await eventWith({ about: 'c', type: 'Warning', reason: 'ClaimLost', message });
  });

  it('calls a claim lost when its volume points at another one', async () => {
    await makeVolume('v');
    await volumeIn('v', 'Available');
    await makeClaim('c');
    await boundTo('c');
    await patch(`${VOLUMES}/v`, { spec: { claimRef: { name: 'other', uid: 'another' } } });
    await claimWhen('c', ({ status }) => status?.phase === 'Lost');
    const message = 'Two claims are bound to the same volume, this one is bound incorrectly';
    await eventWith({ about: 'c', type: 'Warning', reason: 'ClaimMisbound', message });
  });
});
