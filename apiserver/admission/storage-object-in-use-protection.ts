/**
 * StorageObjectInUseProtection: claims and volumes get the finalizers that keep them while they are used; the
 * protection controllers take them off (upstream `plugin/pkg/admission/storage/storageobjectinuseprotection`).
 */
import { PV_PROTECTION_FINALIZER, PVC_PROTECTION_FINALIZER } from '../../api/core/v1/volume/protection.ts';
import type { AdmissionPlugin } from './admission.ts';
import { isCreationOf } from './refusal.ts';

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  mutate(attributes) {
    const finalizer = isCreationOf(attributes, 'persistentvolumeclaims')
      ? PVC_PROTECTION_FINALIZER
      : isCreationOf(attributes, 'persistentvolumes')
        ? PV_PROTECTION_FINALIZER
        : undefined;
    if (finalizer === undefined) return;
    const { metadata } = attributes.object!;
    if (metadata.finalizers?.includes(finalizer) !== true)
      metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  },
};
