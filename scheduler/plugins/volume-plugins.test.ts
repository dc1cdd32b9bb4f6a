import { describe, expect, it } from '@jest/globals';
import type { Volume } from '../../api/core/v1/pod.ts';
import { podInfoOf } from '../pod-info.ts';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { boundClaimOf, claimOf, podWith, storageOf, volumeOf } from '../storage-for-tests.ts';
import type { StorageFacts } from '../storage-for-tests.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

const ZONE = 'topology.kubernetes.io/zone';

describe('volumeZone() [S8]', () => {
  const reasonsOn = (labels: Record<string, string>, volumeLabels: Record<string, string>): unknown => {
    const volumes = [volumeOf('v', { labels: volumeLabels })];
    const plugin = volumeZone(storageOf({ claims: [boundClaimOf('c', 'v')], volumes }));
    const cycle = cycleOf(podWith(['c']), [nodeOf('n1', { labels })]);
    const before = plugin.preFilter!(cycle);
    return before.type === 'continue' ? plugin.filter!(cycle, onlyNode(cycle))?.reasons : before.type;
  };
  const CONFLICT = ['node(s) had no available volume zone'];

  it('wants the zone of the volume, whichever label names it', () => {
    expect(reasonsOn({ [ZONE]: 'a' }, { [ZONE]: 'a' })).toBeUndefined();
    expect(reasonsOn({ [ZONE]: 'b' }, { [ZONE]: 'a' })).toEqual(CONFLICT);
    expect(reasonsOn({ [ZONE]: 'b' }, { [ZONE]: 'a__b' })).toBeUndefined();
    expect(reasonsOn({ [ZONE]: 'a' }, { 'failure-domain.beta.kubernetes.io/zone': 'a' })).toBeUndefined();
    expect(reasonsOn({}, { [ZONE]: 'a' })).toBeUndefined();
    expect(reasonsOn({ [ZONE]: 'a' }, {})).toBe('skip');
  });

  it('tells what is wrong with a claim', () => {
    const reasons = (facts: StorageFacts): unknown => {
      const result = volumeZone(storageOf(facts)).preFilter!(cycleOf(podWith(['c']), [nodeOf('n1')]));
      return result.type === 'reject' ? result.rejection.reasons : result.type;
    };
    const ofClass = claimOf('c', { spec: { storageClassName: 'x' } });
    const named = { metadata: { name: 'x' }, provisioner: 'p' };
    expect(reasons({})).toEqual(['persistentvolumeclaim "c" not found']);
    expect(reasons({ claims: [claimOf('c')] })).toEqual(['PersistentVolumeClaim had no pv name and storageClass name']);
    expect(reasons({ claims: [ofClass] })).toEqual(['storageclass.storage.k8s.io "x" not found']);
    expect(reasons({ claims: [ofClass], classes: [named] })).toEqual(['PersistentVolume had no name']);
    const waits = { ...named, volumeBindingMode: 'WaitForFirstConsumer' };
    expect(reasons({ claims: [ofClass], classes: [waits] })).toBe('skip');
    expect(reasons({ claims: [boundClaimOf('c', 'v')] })).toEqual(['persistentvolume "v" not found']);
  });
});

describe('volumeRestrictions() [S8]', () => {
  const single = claimOf('c', { spec: { accessModes: ['ReadWriteOncePod'] } });
  const CONFLICT = ['node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'];

  it('lets one pod have a claim for one pod, on whatever node, until that pod is gone', () => {
    const plugin = volumeRestrictions(storageOf({ claims: [single] }));
    const user = podWith(['c'], [], 'user');
    const nodes = [nodeOf('n1'), nodeOf('n2')];
    const cycle = cycleOf(podWith(['c']), nodes, { n1: [user] });
    expect(plugin.preFilter!(cycle)).toEqual({ type: 'continue' });
    const verdicts = (): unknown[] =>
      nodes.map(({ metadata }) => plugin.filter!(cycle, cycle.snapshot.get(metadata.name!)!));
    expect(verdicts()).toEqual([
      { code: 'Unschedulable', reasons: CONFLICT },
      { code: 'Unschedulable', reasons: CONFLICT },
    ]);
    const rehearsal = { ...cycle, state: cycle.state.clone() };
    plugin.removePod!(rehearsal, podInfoOf(user), cycle.snapshot.nodes[0]!);
    expect(plugin.filter!(rehearsal, cycle.snapshot.nodes[0]!)).toBeUndefined();
    plugin.addPod!(rehearsal, podInfoOf(user), cycle.snapshot.nodes[0]!);
    expect(plugin.filter!(rehearsal, cycle.snapshot.nodes[0]!)?.reasons).toEqual(CONFLICT);
    expect(verdicts()[0]).toBeDefined();
  });

  it('has nothing to say about other claims, and tells of missing ones', () => {
    const plugin = volumeRestrictions(storageOf({ claims: [claimOf('shared')] }));
    expect(plugin.preFilter!(cycleOf(podWith(['shared']), [nodeOf('n1')])).type).toBe('skip');
    const missing = plugin.preFilter!(cycleOf(podWith(['c']), [nodeOf('n1')]));
    expect(missing).toMatchObject({ rejection: { reasons: ['persistentvolumeclaim "c" not found'] } });
  });

  it('does not bring a disk to a machine that has it, unless both only read', () => {
    const plugin = volumeRestrictions(storageOf({}));
    const disk = (pdName: string, readOnly = false): Volume => ({ name: 'd', gcePersistentDisk: { pdName, readOnly } });
    const verdict = (mine: Volume, theirs: Volume): unknown => {
      const cycle = cycleOf(podWith([], [mine]), [nodeOf('n1')], { n1: [podWith([], [theirs], 'other')] });
      plugin.preFilter!(cycle);
      return plugin.filter!(cycle, onlyNode(cycle))?.reasons;
    };
    expect(verdict(disk('a'), disk('a'))).toEqual(['node(s) had no available disk']);
    expect(verdict(disk('a'), disk('b'))).toBeUndefined();
    expect(verdict(disk('a', true), disk('a', true))).toBeUndefined();
    const rbd = (image: string): Volume => ({ name: 'r', rbd: { image, monitors: ['m'], pool: 'p' } });
    expect(verdict(rbd('i'), rbd('i'))).toEqual(['node(s) had no available disk']);
    expect(verdict(rbd('i'), rbd('j'))).toBeUndefined();
    const iscsi: Volume = { name: 'i', iscsi: { iqn: 'q', lun: 0, targetPortal: 't' } };
    expect(verdict(iscsi, iscsi)).toEqual(['node(s) had no available disk']);
  });
});

describe('nodeVolumeLimits() [S8]', () => {
  const csi = (name: string) => volumeOf(name, { spec: { csi: { driver: 'd', volumeHandle: name } } });
  const limited = (count: number) => ({
    metadata: { name: 'n1' },
    spec: { drivers: [{ name: 'd', nodeID: 'x', topologyKeys: [], allocatable: { count } }] },
  });
  const facts: StorageFacts = {
    claims: [
      boundClaimOf('a', 'va'),
      boundClaimOf('b', 'vb'),
      claimOf('new', { spec: { storageClassName: 'csi' } }),
      boundClaimOf('plain', 'vp'),
    ],
    volumes: [csi('va'), csi('vb'), volumeOf('vp')],
    classes: [{ metadata: { name: 'csi' }, provisioner: 'd' }],
  };
  const verdict = (count: number | undefined, wanted: string[]): unknown => {
    const csiNodes = count === undefined ? [] : [limited(count)];
    const plugin = nodeVolumeLimits(storageOf({ ...facts, csiNodes }));
    const cycle = cycleOf(podWith(wanted), [nodeOf('n1')], { n1: [podWith(['a'], [], 'user')] });
    return plugin.filter!(cycle, onlyNode(cycle))?.reasons;
  };

  it('counts volumes of a driver once, those that are still to be made too', () => {
    const EXCEEDED = ['node(s) exceed max volume count'];
    expect(verdict(1, ['b'])).toEqual(EXCEEDED);
    expect(verdict(2, ['b'])).toBeUndefined();
    expect(verdict(2, ['b', 'new'])).toEqual(EXCEEDED);
    expect(verdict(1, ['a'])).toBeUndefined();
    expect(verdict(1, ['plain'])).toBeUndefined();
    expect(verdict(undefined, ['b', 'new'])).toBeUndefined();
  });

  it('has nothing to say about pods without claims', () => {
    expect(nodeVolumeLimits(storageOf(facts)).preFilter!(cycleOf(podOf('p'), [nodeOf('n1')])).type).toBe('skip');
  });
});
