import { describe, expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import type { PersistentVolume } from './persistent-volume.ts';
import { persistentVolumes } from './persistent-volume.ts';

const { decoded, errors, updateErrors, warnings, cells } = kindUnderTest(persistentVolumes);
const context = { user: { name: 'u', groups: [] }, nowMs: Date.parse('2026-01-02T03:04:05Z'), dryRun: false };
const good = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } };
const volume = (spec: object) => ({ spec: { ...good, ...spec } });
const affinity = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }] } };
const csi = { driver: 'csi.example.com', volumeHandle: 'h' };

it('is kept, of a file system, and pending since it was made', () => {
  const object = decoded(volume({}));
  persistentVolumes.strategy.prepareForCreate!(object, context);
  expect(object).toMatchObject({
    spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', hostPath: { type: '' } },
    status: { phase: 'Pending', lastPhaseTransitionTime: '2026-01-02T03:04:05Z' },
  });
  expect(errors(volume({}))).toEqual([]);
});

describe('validation', () => {
  it.each([
    [{ hostPath: undefined }, ['spec: Required value: must specify a volume type']],
    [{ nfs: { server: 's', path: '/' } }, ['spec.nfs: Forbidden: may not specify more than 1 volume type']],
    [
      { capacity: {} },
      ['spec.capacity: Required value', 'spec.capacity: Unsupported value: {}: supported values: "storage"'],
    ],
    [{ capacity: { storage: '0' } }, ['spec.capacity[storage]: Invalid value: "0": must be greater than zero']],
    [{ accessModes: [] }, ['spec.accessModes: Required value']],
    [
      { persistentVolumeReclaimPolicy: 'Burn' },
      [
        'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
      ],
    ],
    [
      { persistentVolumeReclaimPolicy: 'Recycle', hostPath: { path: '/' } },
      ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ],
    [
      { hostPath: undefined, local: { path: '/x' } },
      ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
    ],
    [{ hostPath: undefined, local: { path: '' }, nodeAffinity: affinity }, ['spec.local.path: Required value']],
    [{ hostPath: { path: '../x' } }, ['spec.hostPath.path: Invalid value: "../x": must not contain \'..\'']],
    [{ nodeAffinity: {} }, ['spec.nodeAffinity.required: Required value: must specify required node constraints']],
    [
      { hostPath: undefined, csi: { driver: 'd', controllerPublishSecretRef: {} } },
      [
        'spec.csi.volumeHandle: Required value',
        'spec.csi.controllerPublishSecretRef.name: Required value',
        'spec.csi.controllerPublishSecretRef.namespace: Required value',
      ],
    ],
    [
      { volumeAttributesClassName: 'a' },
      ['spec.csi: Required value: has to be specified when using volumeAttributesClassName'],
    ],
  ])('refuses %j', (spec, expected) => {
    expect(errors(volume(spec))).toEqual(expected);
  });
});

describe('update', () => {
  it('changes size, policy and claim, but not the storage', () => {
    const next = { capacity: { storage: '2Gi' }, persistentVolumeReclaimPolicy: 'Delete', claimRef: { name: 'c' } };
    expect(updateErrors(volume(next), volume({}))).toEqual([]);
    expect(updateErrors(volume({ hostPath: { path: '/other' } }), volume({}))).toEqual([
      expect.stringContaining(
        'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
      ),
    ]);
    expect(updateErrors(volume({ volumeMode: 'Block' }), volume({}))).toEqual([
      'volumeMode: Invalid value: "Block": field is immutable',
    ]);
  });

  it('may get nodes and a secret for expansion once', () => {
    expect(updateErrors(volume({ nodeAffinity: affinity }), volume({}))).toEqual([]);
    expect(updateErrors(volume({}), volume({ nodeAffinity: affinity }))).toHaveLength(1);
    const secret = { controllerExpandSecretRef: { name: 's', namespace: 'n' } };
    const plain = volume({ hostPath: undefined, csi });
    expect(updateErrors(volume({ hostPath: undefined, csi: { ...csi, ...secret } }), plain)).toEqual([]);
    expect(updateErrors(plain, volume({ hostPath: undefined, csi: { ...csi, ...secret } }))).toHaveLength(1);
  });

  it('says when the phase changed', () => {
    const { prepareForUpdate } = persistentVolumes.strategy.status!;
    const previous = { ...decoded(volume({})), status: { phase: 'Pending' } } as PersistentVolume;
    const next = { ...decoded(volume({})), status: { phase: 'Bound' } } as PersistentVolume;
    prepareForUpdate!(next, previous, context);
    expect(next.status?.lastPhaseTransitionTime).toBe('2026-01-02T03:04:05Z');
    const stated = { phase: 'Released', lastPhaseTransitionTime: '2025-01-01T00:00:00Z' };
    const again = { ...decoded(volume({})), status: stated } as PersistentVolume;
    prepareForUpdate!(again, next, context);
    expect(again.status).toEqual(stated);
  });
});

it('warns of what is going', () => {
  const rbd = { monitors: ['m'], image: 'i' };
  expect(warnings(volume({ hostPath: undefined, rbd, persistentVolumeReclaimPolicy: 'Recycle' }))).toEqual([
    expect.stringContaining('The Recycle reclaim policy is deprecated'),
    'spec.rbd: deprecated in v1.28, non-functional in v1.31+',
  ]);
});

it('shows its claim', () => {
  const spec = { claimRef: { namespace: 'd', name: 'c' }, storageClassName: 'fast' };
  expect(cells({ ...volume(spec), status: { phase: 'Bound' } })).toMatchObject({
    Capacity: '1Gi',
    'Access Modes': 'RWO',
    'Reclaim Policy': 'Retain',
    Status: 'Bound',
    Claim: 'd/c',
    StorageClass: 'fast',
    VolumeMode: 'Filesystem',
  });
});
