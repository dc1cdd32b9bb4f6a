import { describe, expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { DEFAULT_CLASS_ANNOTATION, storageClasses } from './storage-class.ts';

const { decoded, errors, updateErrors, warnings, cells } = kindUnderTest(storageClasses);
const good = { provisioner: 'example.com/Disk' };
const topology = (key: string, ...values: string[]) => ({ matchLabelExpressions: [{ key, values }] });

describe('StorageClass', () => {
  it('deletes released volumes and binds at once unless it says otherwise', () => {
    expect(decoded(good)).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    expect(errors(good)).toEqual([]);
  });

  it.each([
    [{}, ['provisioner: Required value']],
    [{ provisioner: 'a/b/c' }, [expect.stringContaining('provisioner: Invalid value: "a/b/c": a valid label key')]],
    [
      { ...good, reclaimPolicy: 'Recycle' },
      ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"'],
    ],
    [
      { ...good, volumeBindingMode: 'Later' },
      ['volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"'],
    ],
    [{ ...good, parameters: { '': 'x' } }, ['parameters: Invalid value: "": field can not be empty.']],
    [{ ...good, parameters: { a: 'x'.repeat(300_000) } }, ['parameters: Too long: may not be more than 262144 bytes']],
    [
      { ...good, allowedTopologies: [topology('zone', 'a', 'a'), topology('zone', 'a')] },
      [
        'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
        'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
      ],
    ],
    [
      { ...good, allowedTopologies: [topology('zone')] },
      ['allowedTopologies[0].matchLabelExpressions[0].values: Required value'],
    ],
  ])('refuses %j', (content, expected) => {
    expect(errors(content)).toEqual(expected);
  });

  it('keeps all but its mount options, topologies and expansion', () => {
    const changed = { provisioner: 'x/y', parameters: { a: 'b' }, reclaimPolicy: 'Retain' };
    expect(updateErrors({ ...changed, volumeBindingMode: 'WaitForFirstConsumer' }, good)).toEqual([
      'parameters: Forbidden: updates to parameters are forbidden.',
      'provisioner: Forbidden: updates to provisioner are forbidden.',
      'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ]);
    expect(updateErrors({ ...good, allowVolumeExpansion: true, mountOptions: ['ro'] }, good)).toEqual([]);
  });

  it('warns of labels that others took the place of', () => {
    expect(warnings({ ...good, allowedTopologies: [topology('failure-domain.beta.kubernetes.io/zone', 'a')] })).toEqual(
      [
        'allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      ],
    );
  });

  it('shows which class is the default', () => {
    expect(cells(good)).toMatchObject({ Name: 'a', ReclaimPolicy: 'Delete', AllowVolumeExpansion: false });
    const metadata = { annotations: { [DEFAULT_CLASS_ANNOTATION]: 'true' } };
    expect(cells({ ...good, metadata })).toMatchObject({ Name: 'a (default)', Provisioner: 'example.com/Disk' });
  });
});
