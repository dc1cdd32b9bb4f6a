import { describe, expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { csiDrivers } from './csi-driver.ts';

const { decoded, errors, updateErrors, cells } = kindUnderTest(csiDrivers);

describe('CSIDriver', () => {
  it('attaches volumes and keeps them, unless it says otherwise', () => {
    expect(decoded({ spec: { volumeLifecycleModes: [] } }).spec).toEqual({
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
      requiresRepublish: false,
      seLinuxMount: false,
    });
  });

  it.each([
    [{ fsGroupPolicy: 'Some' }, 'spec.fsGroupPolicy: Unsupported value: "Some"'],
    [{ volumeLifecycleModes: ['Short'] }, 'spec.volumeLifecycleModes: Unsupported value: "Short"'],
    [
      { nodeAllocatableUpdatePeriodSeconds: 9 },
      'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds',
    ],
    [{ tokenRequests: [{ audience: 'a' }, { audience: 'a' }] }, 'spec.tokenRequests[1].audience: Duplicate value: "a"'],
    [
      { tokenRequests: [{ audience: '', expirationSeconds: 599 }] },
      'spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
  ])('refuses %j', (spec, expected) => {
    expect(errors({ spec })).toEqual([expect.stringContaining(expected)]);
  });

  it('keeps what volumes were made by', () => {
    const next = { spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'], podInfoOnMount: true } };
    expect(updateErrors(next, { spec: {} })).toEqual([
      'spec.attachedRequired: Invalid value: false: field is immutable',
      'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
    ]);
    expect(updateErrors({ spec: { podInfoOnMount: true } }, { spec: {} })).toEqual([]);
  });

  it('counts changes of what kubelets act on', () => {
    const context = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
    const previous = decoded({ metadata: { generation: 2 } });
    const same = decoded({ metadata: { generation: 2 }, spec: { podInfoOnMount: true } });
    csiDrivers.strategy.prepareForUpdate!(same, previous, context);
    expect(same.metadata.generation).toBe(2);
    const next = decoded({ metadata: { generation: 2 }, spec: { requiresRepublish: true } });
    csiDrivers.strategy.prepareForUpdate!(next, previous, context);
    expect(next.metadata.generation).toBe(3);
  });

  it('shows what it can', () => {
    expect(cells({ spec: { tokenRequests: [{ audience: 'a' }, { audience: 'b' }] } })).toMatchObject({
      AttachRequired: true,
      TokenRequests: 'a,b',
      Modes: 'Persistent',
    });
    expect(cells({})).toMatchObject({ TokenRequests: '<unset>' });
  });
});
