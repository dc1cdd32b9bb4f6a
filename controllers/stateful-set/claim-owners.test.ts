import { describe, expect, it } from '@jest/globals';
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ApiObject, OwnerReference } from '../../api/machinery/meta.ts';
import { hasOtherController, isStaleClaim, neededOwners } from './claim-owners.ts';

type Keep = 'Retain' | 'Delete';

const makeSet = (whenScaled: Keep, whenDeleted: Keep): StatefulSet =>
  ({
    metadata: { name: 'web', uid: 'set' },
    spec: { replicas: 2, persistentVolumeClaimRetentionPolicy: { whenScaled, whenDeleted } },
  }) as StatefulSet;
const makePod = (ordinal: number): Pod =>
  ({ metadata: { name: `web-${ordinal}`, uid: `pod-${ordinal}` }, spec: {} }) as Pod;
const claimOf = (...ownerReferences: OwnerReference[]): ApiObject => ({ metadata: { name: 'data', ownerReferences } });

const reference = (kind: string, name: string, uid: string): OwnerReference => ({
  apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1',
  kind,
  name,
  uid,
  controller: true,
  blockOwnerDeletion: true,
});
const SET = reference('StatefulSet', 'web', 'set');
const POD_0 = reference('Pod', 'web-0', 'pod-0');
const POD_2 = reference('Pod', 'web-2', 'pod-2');
const OTHER = reference('Database', 'db', 'other');

describe('neededOwners()', () => {
  // Scaled, deleted, the owner of a claim whose pod stays, and of one whose pod goes.
  it.each<[Keep, Keep, OwnerReference[], OwnerReference[]]>([
    ['Retain', 'Retain', [], []],
    ['Retain', 'Delete', [SET], [SET]],
    ['Delete', 'Retain', [], [POD_2]],
    ['Delete', 'Delete', [SET], [POD_2]],
  ])('scaled %s, deleted %s', (whenScaled, whenDeleted, staying, going) => {
    const set = makeSet(whenScaled, whenDeleted);
    for (const [pod, own, right] of [
      [makePod(0), POD_0, staying],
      [makePod(2), POD_2, going],
    ] as const) {
      expect(neededOwners(claimOf(...right), { set, pod })).toBeUndefined();
      for (const wrong of [[], [SET], [own], [SET, own]]) {
        const needed = neededOwners(claimOf(...wrong), { set, pod });
        expect(needed ?? wrong).toEqual(right);
      }
    }
  });

  it('keeps the references of others', () => {
    const owner = { ...OTHER, controller: false };
    const set = makeSet('Retain', 'Delete');
    expect(neededOwners(claimOf(owner), { set, pod: makePod(0) })).toEqual([owner, SET]);
    expect(neededOwners(claimOf(owner, SET), { set, pod: makePod(0) })).toBeUndefined();
  });

  it('makes the set the controller where it is only an owner', () => {
    const { controller: _, ...owner } = SET;
    expect(neededOwners(claimOf(owner), { set: makeSet('Retain', 'Delete'), pod: makePod(0) })).toEqual([SET]);
  });

  it('steps back from a claim that somebody else controls', () => {
    const users = { set: makeSet('Retain', 'Delete'), pod: makePod(0) };
    expect(hasOtherController(claimOf(OTHER), users)).toBe(true);
    expect(neededOwners(claimOf(OTHER), users)).toBeUndefined();
    expect(neededOwners(claimOf(OTHER, SET), users)).toEqual([OTHER]);
    expect(hasOtherController(claimOf(OTHER), { ...users, set: makeSet('Retain', 'Retain') })).toBe(false);
  });

  it('does not touch what belongs to an earlier set or pod of the name', () => {
    const users = { set: makeSet('Delete', 'Delete'), pod: makePod(0) };
    expect(neededOwners(claimOf({ ...SET, uid: 'earlier' }), users)).toBeUndefined();
    expect(neededOwners(claimOf({ ...POD_0, uid: 'earlier' }), users)).toBeUndefined();
  });
});

describe('isStaleClaim()', () => {
  const unmade = { metadata: { name: 'web-0' } } as Pod;

  it('is one of an earlier pod, where claims go with their pods', () => {
    expect(isStaleClaim(claimOf(POD_0), { set: makeSet('Delete', 'Retain'), pod: unmade })).toBe(true);
    expect(isStaleClaim(claimOf(POD_0), { set: makeSet('Retain', 'Delete'), pod: unmade })).toBe(false);
    expect(isStaleClaim(claimOf(SET), { set: makeSet('Delete', 'Delete'), pod: unmade })).toBe(false);
  });
});
