/**
 * What a pod's claims would be bound to on a node, and why a node will not do
 * (`plugins/volumebinding/binder.go`: `GetPodVolumeClaims`, `FindPodVolumes`). Changes nothing.
 */
import type { Node } from '../api/core/v1/node.ts';
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { storageClassOf } from '../api/core/v1/volume/access-modes.ts';
import { isFullyBound, NO_PROVISIONER, SELECTED_NODE, waitsForConsumer } from '../api/core/v1/volume/binding.ts';
import { findMatchingVolume, requestOf } from '../api/core/v1/volume/matching.ts';
import type { StorageClass } from '../api/storage/v1/storage-class.ts';
import { nodeMatcherOf } from './node-selector.ts';
import { foreignClaim, podClaims } from './pod-claims.ts';
import type { StorageReader } from './storage-view.ts';

/** A pod's claims by what is to be done about them. */
export interface SortedClaims {
  bound: PersistentVolumeClaim[];
  /** They wait for this pod's node. */
  waiting: PersistentVolumeClaim[];
  /** They ought to be bound already. */
  immediate: PersistentVolumeClaim[];
}

/** What is to be done on one node. */
export interface PodVolumes {
  /** Volumes that are there, for claims that wait. */
  bindings: { volume: PersistentVolume; claim: PersistentVolumeClaim }[];
  /** Claims whose volumes are to be made. */
  provisions: PersistentVolumeClaim[];
}

export const REASONS = {
  nodeConflict: 'node(s) had volume node affinity conflict',
  bindConflict: "node(s) didn't find available persistent volumes to bind",
  volumeMissing: 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
} as const;

/** Why no node can have the pod because of its claims; `undefined` for a pod whose claims are in order. */
export function claimProblem(storage: StorageReader, pod: Pod): string | undefined {
  for (const { name, isEphemeral } of podClaims(pod)) {
    const quoted = JSON.stringify(name);
    const claim = storage.claim(pod.metadata.namespace ?? '', name);
    if (claim === undefined) {
      return isEphemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${quoted}`
        : `persistentvolumeclaim ${quoted} not found`;
    }
    if (claim.status?.phase === 'Lost') {
      const volumeName = JSON.stringify(claim.spec.volumeName ?? '');
      return `persistentvolumeclaim ${quoted} bound to non-existent persistentvolume ${volumeName}`;
    }
    if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim ${quoted} is being deleted`;
    const foreign = isEphemeral ? foreignClaim(pod, claim) : undefined;
    if (foreign !== undefined) return foreign;
  }
  return undefined;
}

/** For a pod without `claimProblem`. */
export function sortClaims(storage: StorageReader, pod: Pod): SortedClaims {
  const sorted: SortedClaims = { bound: [], waiting: [], immediate: [] };
  for (const { name } of podClaims(pod)) {
    const claim = storage.claim(pod.metadata.namespace ?? '', name);
    if (claim === undefined) continue;
    const waits = (claim.spec.volumeName ?? '') === '' && waitsForConsumer(claim, (one) => storage.storageClass(one));
    (isFullyBound(claim) ? sorted.bound : waits ? sorted.waiting : sorted.immediate).push(claim);
  }
  return sorted;
}

/** The claims' volumes on this node, or why it cannot have them. */
export function findPodVolumes(
  storage: StorageReader,
  { bound, waiting }: SortedClaims,
  node: Node,
): { volumes: PodVolumes } | { reasons: string[] } {
  const reasons: string[] = [];
  const problem = boundProblem(storage, bound, node);
  if (problem === REASONS.nodeConflict) reasons.push(problem);
  const volumes = findFreeVolumes(storage, waiting, node);
  if (volumes === undefined) reasons.push(REASONS.bindConflict);
  if (problem === REASONS.volumeMissing) reasons.push(problem);
  return volumes === undefined || reasons.length > 0 ? { reasons } : { volumes };
}

function boundProblem(storage: StorageReader, bound: readonly PersistentVolumeClaim[], node: Node): string | undefined {
  for (const { spec } of bound) {
    const volume = storage.volume(spec.volumeName ?? '');
    if (volume === undefined) return REASONS.volumeMissing;
    if (!fitsNode(volume, node)) return REASONS.nodeConflict;
  }
  return undefined;
}

/** `CheckNodeAffinity`: a volume that says nothing can be had everywhere. */
export function fitsNode({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || nodeMatcherOf(required).matches(node);
}

/** Undefined when one of them can have none. Small claims first, so that they take small volumes. */
function findFreeVolumes(
  storage: StorageReader,
  waiting: readonly PersistentVolumeClaim[],
  node: Node,
): PodVolumes | undefined {
  const found: PodVolumes = { bindings: [], provisions: [] };
  const excluded = new Set<string>();
  for (const claim of [...waiting].sort((a, b) => requestOf(a).cmp(requestOf(b)))) {
    const selected = claim.metadata.annotations?.[SELECTED_NODE];
    if (selected !== undefined && selected !== node.metadata.name) return undefined;
    const volume = selected === undefined ? matchOn(storage, claim, { node, excluded }) : undefined;
    if (volume !== undefined) {
      excluded.add(volume.metadata.name ?? '');
      found.bindings.push({ volume, claim });
    } else if (canProvision(storage.storageClass(storageClassOf(claim)), node)) found.provisions.push(claim);
    else return undefined;
  }
  return found;
}

function matchOn(
  storage: StorageReader,
  claim: PersistentVolumeClaim,
  { node, excluded }: { node: Node; excluded: ReadonlySet<string> },
): PersistentVolume | undefined {
  const options = { excluded, waits: true, fitsNode: (volume: PersistentVolume) => fitsNode(volume, node) };
  return findMatchingVolume(claim, storage.volumesOfClass(storageClassOf(claim)), options);
}

/** `checkVolumeProvisions` */
function canProvision(storageClass: StorageClass | undefined, node: Node): boolean {
  if (storageClass === undefined || storageClass.provisioner === '' || storageClass.provisioner === NO_PROVISIONER)
    return false;
  const { allowedTopologies = [] } = storageClass;
  const labels = node.metadata.labels ?? {};
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => Object.hasOwn(labels, key) && values.includes(labels[key]!)),
  );
}
