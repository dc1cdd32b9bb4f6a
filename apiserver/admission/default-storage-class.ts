/**
 * DefaultStorageClass: claims that name no class get the default one
 * (upstream `plugin/pkg/admission/storage/storageclass/setdefault/admission.go`).
 */
import { BETA_STORAGE_CLASS_ANNOTATION } from '../../api/core/v1/volume/access-modes.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import { newestDefaultClass } from '../../api/storage/v1/storage-class.ts';
import type { AdmissionPlugin } from './admission.ts';
import { isCreationOf } from './refusal.ts';

export function defaultStorageClass(classes: Lister<StorageClass>): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    mutate(attributes) {
      if (!isCreationOf(attributes, 'persistentvolumeclaims')) return;
      const { metadata, spec } = attributes.object as PersistentVolumeClaim;
      // An empty name says that none is wanted.
      if (spec === undefined || spec.storageClassName !== undefined) return;
      if (metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION] !== undefined) return;
      const name = newestDefaultClass(classes.list())?.metadata.name;
      if (name !== undefined) spec.storageClassName = name;
    },
  };
}
