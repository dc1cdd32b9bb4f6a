/** Claims, volumes and classes for the scheduler's tests. */
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod, Volume } from '../api/core/v1/pod.ts';
import { storageClassOf } from '../api/core/v1/volume/access-modes.ts';
import type { CsiNode } from '../api/storage/v1/csi-node.ts';
import type { StorageClass } from '../api/storage/v1/storage-class.ts';
import { podOf } from './objects-for-tests.ts';
import type { StorageReader } from './storage-view.ts';

export interface StorageFacts {
  claims?: readonly PersistentVolumeClaim[];
  volumes?: readonly PersistentVolume[];
  classes?: readonly StorageClass[];
  csiNodes?: readonly CsiNode[];
}

export function storageOf({ claims = [], volumes = [], classes = [], csiNodes = [] }: StorageFacts): StorageReader {
  const named = <T extends { metadata: { name?: string } }>(all: readonly T[], name: string): T | undefined =>
    all.find(({ metadata }) => metadata.name === name);
  return {
    claim: (namespace, name) =>
      named(
        claims.filter(({ metadata }) => metadata.namespace === namespace),
        name,
      ),
    volume: (name) => named(volumes, name),
    volumesOfClass: (className) => volumes.filter((volume) => storageClassOf(volume) === className),
    storageClass: (name) => named(classes, name),
    csiNode: (name) => named(csiNodes, name),
  };
}

export interface ClaimFacts {
  spec?: Partial<PersistentVolumeClaim['spec']>;
  storage?: string;
  annotations?: Record<string, string>;
  metadata?: Partial<PersistentVolumeClaim['metadata']>;
  phase?: 'Pending' | 'Bound' | 'Lost';
}

export function claimOf(name: string, facts: ClaimFacts = {}): PersistentVolumeClaim {
  const { spec = {}, storage = '1Gi', annotations = {}, metadata = {}, phase = 'Pending' } = facts;
  const resources = { requests: { storage } };
  return {
    metadata: { namespace: 'default', name, uid: `uid-${name}`, annotations, ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], resources, ...spec },
    status: { phase },
  };
}

/** Bound in both directions, as far as the claim says. */
export function boundClaimOf(name: string, volumeName: string, facts: ClaimFacts = {}): PersistentVolumeClaim {
  const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
  return claimOf(name, { phase: 'Bound', annotations, ...facts, spec: { volumeName, ...facts.spec } });
}

export interface VolumeFacts {
  spec?: Partial<PersistentVolume['spec']>;
  storage?: string;
  labels?: Record<string, string>;
  /** Names of the only nodes that have it. */
  nodes?: string[];
  phase?: 'Available' | 'Bound';
}

export function volumeOf(name: string, facts: VolumeFacts = {}): PersistentVolume {
  const { spec = {}, storage = '1Gi', labels = {}, nodes, phase = 'Available' } = facts;
  const term = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: nodes ?? [] }] };
  const affinity = nodes === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [term] } } };
  return {
    metadata: { name, labels },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage }, ...affinity, ...spec },
    status: { phase },
  };
}

/** With a volume for each of these claims. */
export function podWith(claimNames: readonly string[], volumes: readonly Volume[] = [], name = 'p'): Pod {
  const ofClaims = claimNames.map((claimName, i): Volume => ({ name: `v${i}`, persistentVolumeClaim: { claimName } }));
  return podOf(name, { spec: { volumes: [...ofClaims, ...volumes] } });
}
