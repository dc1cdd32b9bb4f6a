import { describe, expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { persistentVolumeClaims } from './persistent-volume-claim.ts';

const { decoded, errors, updateErrors, statusErrors, warnings, cells } = kindUnderTest(persistentVolumeClaims);
const context = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const good = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const claim = (spec: object, rest: object = {}) => ({ spec: { ...good, ...spec }, ...rest });
const sized = (storage: string) => claim({ resources: { requests: { storage } } });

it('is pending, of a file system', () => {
  expect(decoded(claim({}))).toMatchObject({ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } });
  expect(errors(claim({}))).toEqual([]);
});

it('names its source in both fields', () => {
  const source = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
  for (const field of ['dataSource', 'dataSourceRef']) {
    const object = decoded(claim({ [field]: source }));
    persistentVolumeClaims.strategy.prepareForCreate!(object, context);
    expect(object.spec).toMatchObject({ dataSource: source, dataSourceRef: source });
  }
});

it('has no source that only a populator could read, unless it is asked for as such', () => {
  const source = { apiGroup: 'example.com', kind: 'Book', name: 'b' };
  const prepared = (spec: object, previous?: object): object | undefined => {
    const object = decoded(claim(spec));
    if (previous === undefined) persistentVolumeClaims.strategy.prepareForCreate!(object, context);
    else persistentVolumeClaims.strategy.prepareForUpdate!(object, decoded(claim(previous)), context);
    const { dataSource, dataSourceRef } = object.spec;
    return { ...(dataSource && { dataSource }), ...(dataSourceRef && { dataSourceRef }) };
  };
  expect(prepared({ dataSource: source })).toEqual({});
  expect(prepared({ dataSourceRef: source })).toEqual({ dataSource: source, dataSourceRef: source });
  expect(prepared({ dataSourceRef: { ...source, namespace: 'other' } })).toEqual({
    dataSource: source,
    dataSourceRef: source,
  });
  const both = { dataSource: source, dataSourceRef: source };
  expect(prepared({ dataSource: source }, both)).toEqual(both);
});

describe('validation', () => {
  it.each([
    [
      { spec: {} },
      [
        'spec.accessModes: Required value: at least 1 access mode is required',
        'spec.resources[storage]: Required value',
      ],
    ],
    [
      claim({ accessModes: ['Some'] }),
      [
        'spec.accessModes: Unsupported value: "Some": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      ],
    ],
    [
      claim({ accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] }),
      ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
    ],
    [sized('0'), ['spec.resources[storage]: Invalid value: "0": must be greater than zero']],
    [
      claim({ volumeMode: 'Tape' }),
      ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
    ],
    [claim({ storageClassName: 'A' }), [expect.stringContaining('spec.storageClassName: Invalid value: "A"')]],
    [
      claim({ dataSource: { kind: 'Pod', name: 'x' } }),
      [
        'spec.dataSource: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup',
      ],
    ],
    [
      claim({
        dataSource: { kind: 'PersistentVolumeClaim', name: 'x' },
        dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'y' },
      }),
      ['spec: Invalid value: "spec.dataSource": must match dataSourceRef'],
    ],
  ])('refuses %j', (content, expected) => {
    expect(errors(content)).toEqual(expected);
  });

  it('checks capacities of a status', () => {
    expect(statusErrors(claim({}, { status: { capacity: { storage: '-1' } } }), claim({}))).toEqual([
      'status.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
    ]);
  });
});

describe('update', () => {
  const immutable = 'spec: Forbidden: spec is immutable after creation except resources.requests';
  const bound = { status: { phase: 'Bound', capacity: { storage: '1Gi' } } };

  it('takes a volume and a class once', () => {
    expect(updateErrors(claim({ volumeName: 'v' }), claim({}))).toEqual([]);
    expect(updateErrors(claim({ volumeName: 'w' }), claim({ volumeName: 'v' }))).toEqual([
      expect.stringContaining(immutable),
    ]);
    expect(updateErrors(claim({ storageClassName: 'c' }), claim({}))).toEqual([]);
    expect(updateErrors(claim({ storageClassName: 'd' }), claim({ storageClassName: 'c' }))).toHaveLength(1);
  });

  it('grows once it is bound, and shrinks to more than there is', () => {
    expect(updateErrors({ ...sized('2Gi') }, claim({}))).toEqual([expect.stringContaining(immutable)]);
    expect(updateErrors({ ...sized('2Gi'), ...bound }, claim({}, bound))).toEqual([]);
    expect(updateErrors({ ...sized('2Gi'), ...bound }, { ...sized('3Gi'), ...bound })).toEqual([]);
    expect(updateErrors({ ...sized('1Gi'), ...bound }, { ...sized('3Gi'), ...bound })).toEqual([
      'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
    ]);
  });

  it('keeps its mode and, once it has one, a class of attributes', () => {
    expect(updateErrors(claim({ volumeMode: 'Block' }), claim({}))).toContainEqual(
      'volumeMode: Invalid value: "Block": field is immutable',
    );
    const classed = claim({ volumeAttributesClassName: 'a' });
    expect(updateErrors(claim({ volumeAttributesClassName: 'b' }), classed)).toEqual([]);
    expect(updateErrors(claim({}), classed)).toEqual([
      'spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden',
    ]);
  });
});

it('warns of parts of bytes and of the old annotation', () => {
  const metadata = { annotations: { 'volume.beta.kubernetes.io/storage-class': 'x' } };
  expect(warnings({ ...sized('1500m'), metadata })).toEqual([
    'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
    'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
  ]);
});

it('shows the volume that it is bound to', () => {
  const status = { phase: 'Bound', capacity: { storage: '2Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] };
  expect(cells(claim({ volumeName: 'v', storageClassName: 'c' }, { status }))).toMatchObject({
    Status: 'Bound',
    Volume: 'v',
    Capacity: '2Gi',
    'Access Modes': 'RWO,RWX',
    StorageClass: 'c',
    VolumeAttributesClass: '<unset>',
    VolumeMode: 'Filesystem',
  });
  const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  expect(cells(claim({}, { metadata }))).toMatchObject({ Status: 'Terminating', Capacity: '', 'Access Modes': '' });
});
