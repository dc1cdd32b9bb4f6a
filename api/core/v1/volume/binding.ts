/**
 * What binds claims and volumes: the annotations on both, and who points at whom
 * (`component-helpers/storage/volume/{helpers,pv_helpers}.go`). Pure.
 */
import { BETA_STORAGE_CLASS_ANNOTATION, storageClassOf } from './access-modes.ts';
import type { PersistentVolume, PersistentVolumeClaim } from './types.ts';

/** On a claim whose binding was completed once; whatever its value. */
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
/** On a claim or volume whose pointer to the other was set by a controller, not by a user. */
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
/** On a volume: the provisioner that made it. */
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
/** On a claim: the provisioner that is to make its volume, and the older name of the same. */
export const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
export const BETA_STORAGE_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
/** On a claim that waited for its first consumer: the node that the scheduler has chosen for that pod. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
/** The provisioner of classes whose volumes are made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** As far as binding goes. */
interface BindingClass {
  volumeBindingMode?: string;
}

export function hasAnnotation({ metadata }: { metadata: PersistentVolume['metadata'] }, name: string): boolean {
  return metadata.annotations !== undefined && Object.hasOwn(metadata.annotations, name);
}

/** Whether the volume points at this claim, by name and, once it has one, by uid. */
export function isVolumeBoundToClaim({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { claimRef } = spec;
  if (claimRef === undefined) return false;
  if (claimRef.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return !claimRef.uid || claimRef.uid === metadata.uid;
}

/** Bound in both directions, and the binding was completed. */
export function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec.volumeName ?? '') !== '' && hasAnnotation(claim, BIND_COMPLETED);
}

/** `PersistentVolumeClaimHasClass`: also the empty class is one. */
export function hasStorageClass({ metadata, spec }: PersistentVolumeClaim): boolean {
  return metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION] !== undefined || spec.storageClassName !== undefined;
}

/** Whether the claim waits for a pod before it is bound. `classOf` gives the class of a name. */
export function waitsForConsumer(
  claim: PersistentVolumeClaim,
  classOf: (name: string) => BindingClass | undefined,
): boolean {
  const name = storageClassOf(claim);
  return name !== '' && classOf(name)?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** The scheduler has chosen a node: the volume may be made. */
export function hasSelectedNode(claim: PersistentVolumeClaim): boolean {
  return hasAnnotation(claim, SELECTED_NODE);
}

type ClaimRef = NonNullable<PersistentVolume['spec']['claimRef']>;

/** A stored claim as a volume points at it. */
export function claimRefTo({ metadata }: PersistentVolumeClaim): ClaimRef {
  const { namespace, name, uid, resourceVersion } = metadata;
  const ref: ClaimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
  if (namespace !== undefined) ref.namespace = namespace;
  if (name !== undefined) ref.name = name;
  if (uid !== undefined) ref.uid = uid;
  if (resourceVersion !== undefined) ref.resourceVersion = resourceVersion;
  return ref;
}

/** `GetBindVolumeToClaim`: the volume pointing at the claim; the same object when it does already. */
export function bindVolumeToClaim(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { claimRef } = volume.spec;
  const { name, namespace, uid } = claim.metadata;
  const pointsThere = claimRef?.name === name && claimRef?.namespace === namespace && claimRef?.uid === uid;
  const next = pointsThere ? volume : { ...volume, spec: { ...volume.spec, claimRef: claimRefTo(claim) } };
  return isVolumeBoundToClaim(volume, claim) ? next : withAnnotations(next, { [BOUND_BY_CONTROLLER]: 'yes' });
}

/** The same object when it has them already. */
export function withAnnotations<T extends { metadata: PersistentVolume['metadata'] }>(
  object: T,
  annotations: Readonly<Record<string, string>>,
): T {
  const present = object.metadata.annotations ?? {};
  if (Object.entries(annotations).every(([name, value]) => present[name] === value)) return object;
  return { ...object, metadata: { ...object.metadata, annotations: { ...present, ...annotations } } };
}
