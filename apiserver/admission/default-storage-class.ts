/**
 * DefaultStorageClass: claims that name no class get the default one
 * (upstream `plugin/pkg/admission/storage/storageclass/setdefault/admission.go`).
 */
import { BETA_STORAGE_CLASS_ANNOTATION } from '../../api/core/v1/volume/access-modes.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import { isDefaultStorageClass } from '../../api/storage/v1/storage-class.ts';
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
      const name = newestDefault(classes);
      if (name !== undefined) spec.storageClassName = name;
    },
  };
}

/** Of several the newest, and of those the first by name. */
function newestDefault(classes: Lister<StorageClass>): string | undefined {
  const defaults = classes.list().filter(isDefaultStorageClass);
  const age = ({ metadata }: StorageClass): string => metadata.creationTimestamp ?? '';
  const newest = defaults.reduce<StorageClass | undefined>(
    (best, one) => (best === undefined || age(one) > age(best) ? one : best),
    undefined,
  );
  return newest?.metadata.name;
}
