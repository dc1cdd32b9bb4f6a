/**
 * PVCProtection: a claim goes once no pod that has a node uses it any more
 * (upstream `pkg/controller/volume/pvcprotection`).
 */
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { PVC_PROTECTION_FINALIZER } from '../api/core/v1/volume/protection.ts';
import type { CacheReader } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { withFinalizer, withoutFinalizer } from './finalizers.ts';
import { claimKeys, PODS_BY_CLAIM } from './pods-by-claim.ts';
import { isPodTerminal } from './pods.ts';

export const persistentVolumeClaimProtection = defineController<PersistentVolumeClaim>({
  name: 'pvc-protection-controller',
  for: persistentVolumeClaims,
  watches: [
    {
      resource: pods,
      map: (object) => claimKeys(object as Pod),
      // Only the end of a pod lets a claim go.
      isRelevant: (object, previous) => isPodTerminal(object as Pod) && !isPodTerminal(previous as Pod),
    },
  ],
  indexes: [PODS_BY_CLAIM],
  writes: [persistentVolumeClaims],
  async reconcile({ namespace, name }, context) {
    const claim = context.lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
    if (claim === undefined) return undefined;
    const isGoing = claim.metadata.deletionTimestamp !== undefined;
    if (isGoing && isUsed(`${namespace}/${name}`, context)) return undefined;
    const next = (isGoing ? withoutFinalizer : withFinalizer)(claim, PVC_PROTECTION_FINALIZER);
    if (next !== claim) await context.client.update<PersistentVolumeClaim>(persistentVolumeClaims, next);
    return undefined;
  },
});

/** A pod without a node does not count: no kubelet starts it with a claim that is going. */
function isUsed(key: string, cache: CacheReader): boolean {
  return cache
    .byIndex<Pod>(pods, PODS_BY_CLAIM.name, key)
    .some((pod) => (pod.spec.nodeName ?? '') !== '' && !isPodTerminal(pod));
}
