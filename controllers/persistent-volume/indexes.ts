/** How the binder finds claims, volumes and pods by each other. */
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import { BIND_COMPLETED, hasAnnotation, hasStorageClass } from '../../api/core/v1/volume/binding.ts';
import type { IndexDeclaration } from '../../client/controller.ts';

export const VOLUMES_BY_CLASS: IndexDeclaration = {
  resource: persistentVolumes,
  name: 'storageClass',
  fn: (object) => [storageClassOf(object as PersistentVolume)],
};

/** `namespace/name` of the claim that it points at. */
export const VOLUMES_BY_CLAIM: IndexDeclaration = {
  resource: persistentVolumes,
  name: 'claim',
  fn: (object) => claimOfVolume(object as PersistentVolume),
};

export function claimOfVolume({ spec }: PersistentVolume): string[] {
  const { namespace = '', name = '' } = spec.claimRef ?? {};
  return name === '' ? [] : [`${namespace}/${name}`];
}

/** Bound ones, and those that ask for one volume by its name. */
export const CLAIMS_BY_VOLUME: IndexDeclaration = {
  resource: persistentVolumeClaims,
  name: 'volume',
  fn: (object) => [(object as PersistentVolumeClaim).spec.volumeName ?? ''],
};

/** Of claims that are not bound yet; those that could get the default class have none. */
export const UNBOUND_CLAIMS_BY_CLASS: IndexDeclaration = {
  resource: persistentVolumeClaims,
  name: 'unboundClass',
  fn: (object) => {
    const claim = object as PersistentVolumeClaim;
    if (hasAnnotation(claim, BIND_COMPLETED)) return [];
    return [hasStorageClass(claim) ? `class ${storageClassOf(claim)}` : NO_CLASS_YET];
  },
};

export const NO_CLASS_YET = 'no class';
