/**
 * Binds claims to volumes (upstream `pkg/controller/volume/persistentvolume`). Both are reconciled by one worker, one
 * after the other: keys with a namespace are claims, keys without are volumes.
 */
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import { isFullyBound } from '../../api/core/v1/volume/binding.ts';
import { findBestVolume } from '../../api/core/v1/volume/matching.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import { isDefaultStorageClass, storageClasses } from '../../api/storage/v1/storage-class.ts';
import type { CacheReader } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf, parseKey } from '../../client/keys.ts';
import { claimKeys, PODS_BY_CLAIM } from '../pods-by-claim.ts';
import {
  CLAIMS_BY_VOLUME,
  claimOfVolume,
  NO_CLASS_YET,
  UNBOUND_CLAIMS_BY_CLASS,
  VOLUMES_BY_CLAIM,
  VOLUMES_BY_CLASS,
} from './indexes.ts';
import { syncClaim } from './sync-claim.ts';
import { syncVolume } from './sync-volume.ts';

export const persistentVolumeBinder = defineController<PersistentVolumeClaim>({
  name: 'persistent-volume-binder',
  component: 'persistentvolume-controller',
  for: persistentVolumeClaims,
  watches: [
    { resource: persistentVolumes, map: (object, cache) => keysOfVolume(object as PersistentVolume, cache) },
    {
      resource: persistentVolumeClaims,
      map: (object, cache) => volumesOfClaim(object as PersistentVolumeClaim, cache),
    },
    { resource: storageClasses, map: (object, cache) => claimsOfClass(object as StorageClass, cache) },
    // A pod that comes is whom its claims have been waiting for; what becomes of it, the scheduler says on the claim.
    { resource: pods, map: (object, cache) => claimsOfPod(object as Pod, cache), isRelevant: () => false },
  ],
  indexes: [PODS_BY_CLAIM, VOLUMES_BY_CLASS, VOLUMES_BY_CLAIM, CLAIMS_BY_VOLUME, UNBOUND_CLAIMS_BY_CLASS],
  writes: [persistentVolumes, persistentVolumeClaims],
  async reconcile({ namespace, name }, context) {
    if (namespace === '') {
      const volume = context.lister<PersistentVolume>(persistentVolumes).get('', name);
      if (volume !== undefined) await syncVolume(volume, context);
      return undefined;
    }
    const claim = context.lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
    if (claim !== undefined) await syncClaim(claim, context);
    return undefined;
  },
});

/** The volume itself, those that it is bound to, and those that could be bound to it. */
function keysOfVolume(volume: PersistentVolume, cache: CacheReader): string[] {
  const name = volume.metadata.name ?? '';
  const naming = cache.byIndex<PersistentVolumeClaim>(persistentVolumeClaims, CLAIMS_BY_VOLUME.name, name);
  return [name, ...claimOfVolume(volume), ...naming.map(keyOf), ...claimsThatItSuits(volume, cache)];
}

function claimsThatItSuits(volume: PersistentVolume, cache: CacheReader): string[] {
  if (volume.status?.phase !== 'Available' || volume.spec.claimRef !== undefined) return [];
  const className = storageClassOf(volume);
  const unbound = (value: string): PersistentVolumeClaim[] =>
    cache.byIndex<PersistentVolumeClaim>(persistentVolumeClaims, UNBOUND_CLAIMS_BY_CLASS.name, value);
  return [...unbound(`class ${className}`), ...(className === '' ? unbound(NO_CLASS_YET) : [])]
    .filter((claim) => findBestVolume(claim, [volume], { waits: false }) !== undefined)
    .map(keyOf);
}

/** Not the claim: that is reconciled anyway. */
function volumesOfClaim(claim: PersistentVolumeClaim, cache: CacheReader): string[] {
  const pointing = cache.byIndex<PersistentVolume>(persistentVolumes, VOLUMES_BY_CLAIM.name, keyOf(claim));
  const { volumeName = '' } = claim.spec;
  return [...(volumeName === '' ? [] : [volumeName]), ...pointing.map(({ metadata }) => metadata.name ?? '')];
}

function claimsOfClass(storageClass: StorageClass, cache: CacheReader): string[] {
  const values = [
    `class ${storageClass.metadata.name}`,
    ...(isDefaultStorageClass(storageClass) ? [NO_CLASS_YET] : []),
  ];
  return values.flatMap((value) =>
    cache.byIndex<PersistentVolumeClaim>(persistentVolumeClaims, UNBOUND_CLAIMS_BY_CLASS.name, value).map(keyOf),
  );
}

function claimsOfPod(pod: Pod, cache: CacheReader): string[] {
  return claimKeys(pod).filter((key) => {
    const { namespace, name } = parseKey(key);
    const claim = cache.lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
    return claim !== undefined && !isFullyBound(claim);
  });
}
