/** The claims that a pod's volumes need (`component-helpers/storage/ephemeral`). */
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';

export interface PodClaim {
  name: string;
  /** Made for an ephemeral volume of this pod. */
  isEphemeral: boolean;
}

export function podClaims({ metadata, spec }: Pod): PodClaim[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }): PodClaim[] => {
    if (persistentVolumeClaim) return [{ name: persistentVolumeClaim.claimName, isEphemeral: false }];
    return ephemeral ? [{ name: `${metadata.name}-${name}`, isEphemeral: true }] : [];
  });
}

/** Whether a change of this claim has to do with the pod. */
export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (pod.metadata.namespace !== claim.metadata.namespace) return false;
  return podClaims(pod).some(({ name }) => name === claim.metadata.name);
}

/** `VolumeIsForPod`: why the claim of an ephemeral volume is not this pod's. */
export function foreignClaim(pod: Pod, claim: PersistentVolumeClaim): string | undefined {
  const isOwned = claim.metadata.ownerReferences?.some(
    ({ controller, uid }) => controller === true && uid === pod.metadata.uid,
  );
  if (isOwned === true) return undefined;
  const { namespace, name } = claim.metadata;
  const podName = `${pod.metadata.namespace}/${pod.metadata.name}`;
  return `PVC ${namespace}/${name} was not created for pod ${podName} (pod is not owner)`;
}
