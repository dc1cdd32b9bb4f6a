import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { persistentVolumeBinder } from '../../controllers/persistent-volume/persistent-volume-binder.ts';
import { persistentVolumeClaimProtection } from '../../controllers/persistent-volume-claim-protection.ts';
import { persistentVolumeProtection } from '../../controllers/persistent-volume-protection.ts';
import { eventually, runControllers } from '../../controllers/testing.ts';
import { localVolumeProvisioner } from './local-volume-provisioner.ts';

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
const SELECTED = 'volume.kubernetes.io/selected-node';

let server: TestServer;
let stop: () => Promise<void>;
let folder: string;
let recorded: [name: string, reason: string, message: string][];

beforeEach(async () => {
  server = await startTestServer();
  folder = join(mkdtempSync(join(tmpdir(), 'nocher-volumes-')), 'volumes');
  recorded = [];
  const placeOf = (nodeName: string): { folder?: string } | undefined =>
    ({ real: { folder }, 'simulated-1': {} })[nodeName];
  stop = runControllers(
    server.api.handler,
    [
      persistentVolumeBinder,
      persistentVolumeClaimProtection,
      persistentVolumeProtection,
      localVolumeProvisioner(placeOf),
    ],
    {
      event(object, _type, reason, message) {
        recorded.push([('metadata' in object ? object.metadata.name : object.name) ?? '', reason, message]);
      },
    },
  );
  for (const [name, volumeBindingMode, reclaimPolicy] of [
    ['standard', 'Immediate', 'Delete'],
    ['keeping', 'Immediate', 'Retain'],
    ['local', 'WaitForFirstConsumer', 'Delete'],
  ]) {
    await server.call('POST', '/apis/storage.k8s.io/v1/storageclasses', {
      metadata: { name },
      provisioner: 'nocher.io/local',
      allowVolumeExpansion: true,
      volumeBindingMode,
      reclaimPolicy,
    });
  }
});
afterEach(async () => {
  await stop();
  await server.close();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

const makeNode = (name: string, spec = {}): Promise<unknown> =>
  server.call('POST', '/api/v1/nodes', { metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec });

function makeClaim(name: string, spec: object = {}, annotations = {}): Promise<PersistentVolumeClaim> {
  const resources = { requests: { storage: '1Gi' } };
  const defaults = { accessModes: ['ReadWriteOnce'], storageClassName: 'standard', resources };
  return server.call('POST', CLAIMS, { metadata: { name, annotations }, spec: { ...defaults, ...spec } });
}

const patch = (url: string, body: unknown): Promise<{ status: number; body: unknown }> =>
  server.send('PATCH', url, { body, contentType: 'application/merge-patch+json' });

const bound = (name: string): Promise<PersistentVolumeClaim> =>
  claimWhen(name, ({ status }) => status?.phase === 'Bound');
const claimWhen = (name: string, holds: (claim: PersistentVolumeClaim) => boolean): Promise<PersistentVolumeClaim> =>
  eventually(async () => {
    const claim = await server.call<PersistentVolumeClaim>('GET', `${CLAIMS}/${name}`);
    return holds(claim) ? claim : undefined;
  });
const volume = (name: string): Promise<PersistentVolume> => server.call('GET', `${VOLUMES}/${name}`);
const volumeOf = async (name: string): Promise<PersistentVolume> => volume((await bound(name)).spec.volumeName!);
const gone = (url: string): Promise<true> =>
  eventually(async () => ((await server.send('GET', url)).status === 404 ? true : undefined));
const told = (name: string, reason: string): Promise<string> =>
  eventually(async () => recorded.find((one) => one[0] === name && one[1] === reason)?.[2]);

describe('localVolumeProvisioner()', () => {
  it('makes the volume of a claim at once: a folder of the node that anybody may write to', async () => {
    await makeNode('real');
    const { metadata } = await makeClaim('c');
    const made = await volumeOf('c');
    const name = `pvc-${metadata.uid}`;
    expect(made).toMatchObject({
      metadata: {
        name,
        annotations: {
          'pv.kubernetes.io/provisioned-by': 'nocher.io/local',
          'pv.kubernetes.io/bound-by-controller': 'yes',
        },
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        claimRef: { namespace: 'default', name: 'c', uid: metadata.uid },
        local: { path: join(folder, name) },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['real'] }] },
            ],
          },
        },
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'standard',
        volumeMode: 'Filesystem',
      },
    });
    expect(statSync(join(folder, name)).mode & 0o7777).toBe(0o777);
    expect(await told('c', 'Provisioning')).toBe('External provisioner is provisioning volume for claim "default/c"');
    expect(await told('c', 'ProvisioningSucceeded')).toBe(`Successfully provisioned volume ${name}`);
  });

  it('removes volume and folder with the claim, and nothing that links lead to', async () => {
    await makeNode('real');
    await makeClaim('c');
    const { metadata, spec } = await volumeOf('c');
    const outside = join(folder, '..', 'outside');
    writeFileSync(outside, 'kept');
    symlinkSync(outside, join(spec.local!.path, 'link'));
    writeFileSync(join(spec.local!.path, 'row'), 'data');
    await server.call('DELETE', `${CLAIMS}/c`);
    await gone(`${VOLUMES}/${metadata.name}`);
    expect(existsSync(spec.local!.path)).toBe(false);
    expect(existsSync(outside)).toBe(true);
  });

  it('keeps the folder where the class says so, also when the volume is deleted', async () => {
    await makeNode('real');
    await makeClaim('c', { storageClassName: 'keeping' });
    const { metadata, spec } = await volumeOf('c');
    await server.call('DELETE', `${CLAIMS}/c`);
    await eventually(async () => ((await volume(metadata.name!)).status?.phase === 'Released' ? true : undefined));
    await server.call('DELETE', `${VOLUMES}/${metadata.name}`);
    await gone(`${VOLUMES}/${metadata.name}`);
    expect(existsSync(spec.local!.path)).toBe(true);
  });

  it('removes the folder of a volume that is deleted while its claim is there, once that is gone', async () => {
    await makeNode('real');
    await makeClaim('c');
    const { metadata, spec } = await volumeOf('c');
    await server.call('DELETE', `${VOLUMES}/${metadata.name}`);
    expect((await volume(metadata.name!)).metadata.deletionTimestamp).toBeDefined();
    expect(existsSync(spec.local!.path)).toBe(true);
    await server.call('DELETE', `${CLAIMS}/c`);
    await gone(`${VOLUMES}/${metadata.name}`);
    expect(existsSync(spec.local!.path)).toBe(false);
  });

  it('goes by its own record of the folder, not by what the volume says', async () => {
    await makeNode('real');
    await makeClaim('c');
    const { metadata, spec } = await volumeOf('c');
    const victim = join(folder, '..', 'victim');
    writeFileSync(victim, 'kept');
    const forged = {
      metadata: { name: 'forged', annotations: { 'pv.kubernetes.io/provisioned-by': 'nocher.io/local' } },
      spec: { ...spec, local: { path: victim }, claimRef: { ...spec.claimRef, name: 'none', uid: 'x' } },
    };
    await server.call('POST', VOLUMES, forged);
    expect(await told('forged', 'VolumeFailedDelete')).toBe('not the name of a local volume: "forged"');
    expect(existsSync(victim)).toBe(true);
    expect(existsSync(join(folder, metadata.name!))).toBe(true);
  });

  it('waits for the node of the first pod where the class says so, and lets another be chosen when it is gone', async () => {
    await makeNode('real');
    await makeNode('simulated-1');
    await makeClaim('c', { storageClassName: 'local' });
    await told('c', 'WaitForFirstConsumer');
    await patch(`${CLAIMS}/c`, { metadata: { annotations: { [SELECTED]: 'former' } } });
    await claimWhen(
      'c',
      ({ metadata }) =>
        metadata.annotations?.[SELECTED] === undefined &&
        metadata.annotations?.['volume.kubernetes.io/storage-provisioner'] !== undefined,
    );
    await patch(`${CLAIMS}/c`, { metadata: { annotations: { [SELECTED]: 'simulated-1' } } });
    expect((await volumeOf('c')).spec.local?.path).toMatch(/^\/simulated\/volumes\/pvc-/);
  });

  it('leaves the nodes of others to them, and makes the volume when a node of its own comes', async () => {
    await makeNode('foreign');
    await makeClaim('c');
    await makeClaim('d', { storageClassName: 'local' }, { [SELECTED]: 'foreign' });
    await told('c', 'ExternalProvisioning');
    await makeNode('real');
    expect((await volumeOf('c')).spec.nodeAffinity).toBeDefined();
    expect(recorded.filter(([name]) => name === 'd').map((one) => one[1])).not.toContain('Provisioning');
  });

  it('says what it cannot make', async () => {
    await makeNode('real');
    await makeClaim('raw', { volumeMode: 'Block' });
    await makeClaim('picky', { selector: { matchLabels: { a: 'b' } } });
    const start = 'failed to provision volume with StorageClass "standard": ';
    expect(await told('raw', 'ProvisioningFailed')).toBe(
      `${start}block volumes are not supported: they are folders of a node`,
    );
    expect(await told('picky', 'ProvisioningFailed')).toBe(`${start}claim.Spec.Selector is not supported`);
  });

  it('lets a claim grow, and does not let it shrink', async () => {
    await makeNode('real');
    await makeClaim('c');
    await bound('c');
    const ask = (storage: string): ReturnType<typeof patch> =>
      patch(`${CLAIMS}/c`, { spec: { resources: { requests: { storage } } } });
    expect((await ask('3Gi')).status).toBe(200);
    const { status } = await claimWhen('c', (claim) => claim.status?.capacity?.['storage'] === '3Gi');
    expect(status).toEqual({
      phase: 'Bound',
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '3Gi' },
      allocatedResources: { storage: '3Gi' },
    });
    expect((await volumeOf('c')).spec.capacity).toEqual({ storage: '3Gi' });
    expect(await told('c', 'VolumeResizeSuccessful')).toBe('Resize volume succeeded');
    const refused = await ask('2Gi');
    expect(refused.status).toBe(422);
    expect(JSON.stringify(refused.body)).toContain('field can not be less than status.capacity');
  });
});
