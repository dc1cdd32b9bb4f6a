import { describe, expect, it } from '@jest/globals';
import { nodeOf } from './objects-for-tests.ts';
import { claimProblem, findPodVolumes, REASONS, sortClaims } from './pod-volumes.ts';
import { boundClaimOf, claimOf, podWith, storageOf, volumeOf } from './storage-for-tests.ts';
import type { StorageFacts } from './storage-for-tests.ts';

const n1 = nodeOf('n1', { labels: { 'kubernetes.io/hostname': 'n1', zone: 'a' } });
const waitingClass = (name: string, provisioner = 'kubernetes.io/no-provisioner', more = {}) => ({
  metadata: { name },
  provisioner,
  volumeBindingMode: 'WaitForFirstConsumer',
  ...more,
});

describe('claimProblem()', () => {
  it.each<[string, StorageFacts, string | undefined]>([
    ['a claim that is missing', {}, 'persistentvolumeclaim "c" not found'],
    [
      'a claim that is lost',
      { claims: [boundClaimOf('c', 'v', { phase: 'Lost' })] },
      'persistentvolumeclaim "c" bound to non-existent persistentvolume "v"',
    ],
    [
      'a claim that is going',
      { claims: [claimOf('c', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })] },
      'persistentvolumeclaim "c" is being deleted',
    ],
    ['a claim in order', { claims: [claimOf('c')] }, undefined],
  ])('tells of %s', (_what, facts, problem) => {
    expect(claimProblem(storageOf(facts), podWith(['c']))).toBe(problem);
  });

  it('tells of the claim of an ephemeral volume that is missing, or another’s', () => {
    const pod = podWith([], [{ name: 'scratch', ephemeral: {} }]);
    expect(claimProblem(storageOf({}), pod)).toBe(
      'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch"',
    );
    expect(claimProblem(storageOf({ claims: [claimOf('p-scratch')] }), pod)).toBe(
      'PVC default/p-scratch was not created for pod default/p (pod is not owner)',
    );
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-p', controller: true };
    const owned = claimOf('p-scratch', { metadata: { ownerReferences: [owner] } });
    expect(claimProblem(storageOf({ claims: [owned] }), pod)).toBeUndefined();
  });
});

describe('sortClaims()', () => {
  it('tells bound, waiting and immediate claims apart', () => {
    const storage = storageOf({
      claims: [
        boundClaimOf('bound', 'v'),
        claimOf('waiting', { spec: { storageClassName: 'local' } }),
        claimOf('named', { spec: { storageClassName: 'local', volumeName: 'v' } }),
        claimOf('immediate', { spec: { storageClassName: 'standard' } }),
      ],
      classes: [waitingClass('local'), { ...waitingClass('standard'), volumeBindingMode: 'Immediate' }],
    });
    const sorted = sortClaims(storage, podWith(['bound', 'waiting', 'named', 'immediate']));
    const names = Object.values(sorted).map((list) =>
      (list as { metadata: { name?: string } }[]).map(({ metadata }) => metadata.name),
    );
    expect(names).toEqual([['bound'], ['waiting'], ['named', 'immediate']]);
  });
});

describe('findPodVolumes()', () => {
  const find = (facts: StorageFacts, ...names: string[]): unknown => {
    const storage = storageOf(facts);
    const found = findPodVolumes(storage, sortClaims(storage, podWith(names)), n1);
    if ('reasons' in found) return found.reasons;
    const { bindings, provisions } = found.volumes;
    return [
      bindings.map(({ volume, claim }) => `${claim.metadata.name}:${volume.metadata.name}`),
      provisions.map(({ metadata }) => metadata.name),
    ];
  };
  const waiting = (name: string, storage = '1Gi', annotations = {}) =>
    claimOf(name, { storage, annotations, spec: { storageClassName: 'local' } });
  const local = (name: string, storage: string, nodes = ['n1']) =>
    volumeOf(name, { storage, nodes, spec: { storageClassName: 'local' } });
  const classes = [waitingClass('local')];

  it('wants the node of bound volumes', () => {
    const claims = [boundClaimOf('c', 'v')];
    expect(find({ claims, volumes: [volumeOf('v', { nodes: ['n1'] })] }, 'c')).toEqual([[], []]);
    expect(find({ claims, volumes: [volumeOf('v', { nodes: ['n2'] })] }, 'c')).toEqual([REASONS.nodeConflict]);
    expect(find({ claims }, 'c')).toEqual([REASONS.volumeMissing]);
    expect(find({ claims, volumes: [volumeOf('v')] }, 'c')).toEqual([[], []]);
  });

  it('finds the smallest free volumes of the node, the smallest claim first', () => {
    const volumes = [local('large', '10Gi'), local('small', '2Gi'), local('elsewhere', '1Gi', ['n2'])];
    const claims = [waiting('big', '5Gi'), waiting('little')];
    expect(find({ claims, volumes, classes }, 'big', 'little')).toEqual([['little:small', 'big:large'], []]);
    expect(find({ claims, volumes: volumes.slice(1), classes }, 'big', 'little')).toEqual([REASONS.bindConflict]);
  });

  it('makes volumes where the class has a provisioner and allows the node', () => {
    const made = (more = {}) => [waitingClass('local', 'example.com/x', more)];
    const topology = (zone: string) => ({
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: [zone] }] }],
    });
    const claims = [waiting('c')];
    expect(find({ claims, classes: made() }, 'c')).toEqual([[], ['c']]);
    expect(find({ claims, classes: made(topology('a')) }, 'c')).toEqual([[], ['c']]);
    expect(find({ claims, classes: made(topology('b')) }, 'c')).toEqual([REASONS.bindConflict]);
    expect(find({ claims, classes }, 'c')).toEqual([REASONS.bindConflict]);
  });

  it('stays with the node that was selected before', () => {
    const selected = (name: string) => ({ 'volume.kubernetes.io/selected-node': name });
    const made = [waitingClass('local', 'example.com/x')];
    expect(find({ claims: [waiting('c', '1Gi', selected('n1'))], classes: made }, 'c')).toEqual([[], ['c']]);
    const elsewhere = find({ claims: [waiting('c', '1Gi', selected('n2'))], classes: made }, 'c');
    expect(elsewhere).toEqual([REASONS.bindConflict]);
  });
});
