/**
 * PVCProtection: a claim goes once no pod that has a node uses it any more
 * (upstream `pkg/controller/volume/pvcprotection`).
 */
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { PVC_PROTECTION_FINALIZER } from '../api/core/v1/volume/protection.ts';
import type { ControllerContext } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { isControlledBy } from '../client/owner-references.ts';
import { withFinalizer, withoutFinalizer } from './finalizers.ts';
import { claimKeys, PODS_BY_CLAIM } from './pods-by-claim.ts';

export const persistentVolumeClaimProtection = defineController<PersistentVolumeClaim>({
  name: 'pvc-protection-controller',
  for: persistentVolumeClaims,
  watches: [
    {
      resource: pods,
      map: (object) => claimKeys(object as Pod),
      // Only the end of a pod lets a claim go; one that took its name came after it.
      isRelevant: (object, previous) =>
        object.metadata.uid !== previous.metadata.uid || isShutDown(object as Pod) !== isShutDown(previous as Pod),
    },
  ],
  indexes: [PODS_BY_CLAIM],
  writes: [persistentVolumeClaims],
  async reconcile({ namespace, name }, context) {
    const claim = context.lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
    if (claim === undefined) return undefined;
    const isGoing = claim.metadata.deletionTimestamp !== undefined;
    const next = (isGoing ? withoutFinalizer : withFinalizer)(claim, PVC_PROTECTION_FINALIZER);
    if (next === claim || (isGoing && (await isUsed(claim, context)))) return undefined;
    await context.client.update<PersistentVolumeClaim>(persistentVolumeClaims, next);
    return undefined;
  },
});

/** Asks the server, too: what a pod may have begun to write is not to be lost to a cache that is behind. */
async function isUsed(claim: PersistentVolumeClaim, { byIndex, client }: ControllerContext): Promise<boolean> {
  const { namespace = '', name = '' } = claim.metadata;
  if (byIndex<Pod>(pods, PODS_BY_CLAIM.name, `${namespace}/${name}`).some((pod) => usesClaim(pod, claim))) return true;
  const { items } = await client.list<Pod>(pods, { namespace });
  return items.some((pod) => usesClaim(pod, claim));
}

/**
 * Whether the claim has to stay for a pod of its namespace (`podUsesPVC`), which may have ended: its volumes may be
 * mounted still. A pod without a node does not count: no kubelet starts it with a claim that is going.
 */
export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if ((pod.spec.nodeName ?? '') === '') return false;
  const isNamed = pod.spec.volumes?.some(
    ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim.metadata.name,
  );
  if (isNamed === true) return true;
  // A pod that waits for its dependents to go waits for the claims of its ephemeral volumes.
  if (isShutDown(pod) || !isControlledBy(claim, pod)) return false;
  const isOwn = pod.spec.volumes?.some(
    ({ name, ephemeral }) => ephemeral !== undefined && `${pod.metadata.name}-${name}` === claim.metadata.name,
  );
  return isOwn === true;
}

/** Its kubelet has done with it, or it was deleted by force; finalizers may hold it. */
function isShutDown({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}
