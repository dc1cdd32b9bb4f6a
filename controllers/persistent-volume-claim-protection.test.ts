import { describe, expect, it } from '@jest/globals';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { ControllerContext } from '../client/controller.ts';
import { newControllerRef } from '../client/owner-references.ts';
import { persistentVolumeClaimProtection, usesClaim } from './persistent-volume-claim-protection.ts';

const podOf = (volume: object, metadata: object = {}, rest: object = {}): Pod =>
  ({
    metadata: { namespace: 'default', name: 'p', uid: 'u', ...metadata },
    spec: { nodeName: 'n1', containers: [], volumes: [{ name: 'v', ...volume }] },
    ...rest,
  }) as unknown as Pod;

const claimOf = (name: string, owner?: Pod): PersistentVolumeClaim => ({
  metadata: {
    namespace: 'default',
    name,
    finalizers: ['kubernetes.io/pvc-protection'],
    deletionTimestamp: '2026-01-02T03:04:05Z',
    ...(owner && { ownerReferences: [newControllerRef(owner, pods)] }),
  },
  spec: {},
});

const named = { persistentVolumeClaim: { claimName: 'c' } };
const going = { deletionTimestamp: '2026-01-02T03:04:05Z', deletionGracePeriodSeconds: 30 };
const shutDown = { ...going, deletionGracePeriodSeconds: 0 };

describe('usesClaim()', () => {
  it('is true of a pod with a node that names the claim, until it is gone', () => {
    for (const phase of ['Pending', 'Running', 'Succeeded', 'Failed'])
      expect(usesClaim(podOf(named, {}, { status: { phase } }), claimOf('c'))).toBe(true);
    expect(usesClaim(podOf(named, shutDown), claimOf('c'))).toBe(true);
    expect(usesClaim(podOf(named), claimOf('other'))).toBe(false);
  });

  it('is false of a pod without a node', () => {
    const pod = podOf(named);
    expect(usesClaim({ ...pod, spec: { ...pod.spec, nodeName: '' } }, claimOf('c'))).toBe(false);
  });

  it('is true of the pod of an ephemeral volume until it has been shut down', () => {
    const pod = podOf({ ephemeral: {} });
    expect(usesClaim(pod, claimOf('p-v', pod))).toBe(true);
    expect(usesClaim(podOf({ ephemeral: {} }, {}, { status: { phase: 'Failed' } }), claimOf('p-v', pod))).toBe(true);
    expect(usesClaim(podOf({ ephemeral: {} }, going), claimOf('p-v', pod))).toBe(true);
    expect(usesClaim(podOf({ ephemeral: {} }, shutDown), claimOf('p-v', pod))).toBe(false);
  });

  it('is false of a pod whose ephemeral volume has the name of somebody else’s claim', () => {
    expect(usesClaim(podOf({ ephemeral: {} }), claimOf('p-v'))).toBe(false);
    expect(usesClaim(podOf({ ephemeral: {} }, { uid: 'new' }), claimOf('p-v', podOf({})))).toBe(false);
  });
});

describe('the protection of claims', () => {
  /** Whether the claim was let go. */
  async function lets(claim: PersistentVolumeClaim, { cached, live }: Record<string, Pod[]>): Promise<boolean> {
    const written: ApiObject[] = [];
    const context = {
      lister: () => ({ get: () => claim }),
      byIndex: () => cached,
      client: {
        list: () => Promise.resolve({ metadata: {}, items: live }),
        update: (_: unknown, object: ApiObject) => Promise.resolve(written.push(object)),
      },
    };
    const key = { namespace: 'default', name: claim.metadata.name! };
    await persistentVolumeClaimProtection.reconcile(key, context as unknown as ControllerContext);
    return written.some(({ metadata }) => metadata.finalizers?.length === 0);
  }

  it('asks the server for pods that the cache does not have yet', async () => {
    expect(await lets(claimOf('c'), { cached: [], live: [podOf(named)] })).toBe(false);
    expect(await lets(claimOf('c'), { cached: [podOf(named)], live: [] })).toBe(false);
    expect(await lets(claimOf('c'), { cached: [], live: [] })).toBe(true);
  });

  it('wakes when a pod has been shut down, and when another took its name', () => {
    const { isRelevant } = persistentVolumeClaimProtection.watches[0]!;
    expect(isRelevant!(podOf(named, going), podOf(named))).toBe(false);
    expect(isRelevant!(podOf(named, shutDown), podOf(named, going))).toBe(true);
    expect(isRelevant!(podOf(named, { uid: 'new' }), podOf(named))).toBe(true);
  });
});
