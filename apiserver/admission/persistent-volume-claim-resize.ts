/**
 * PersistentVolumeClaimResize: only bound claims of a class that allows it grow
 * (upstream `plugin/pkg/admission/storage/persistentvolume/resize/admission.go`).
 */
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import type { AdmissionPlugin } from './admission.ts';
import { isKind, refuse } from './refusal.ts';

export function persistentVolumeClaimResize(classes: Lister<StorageClass>): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    validate(attributes) {
      const { operation, resource, subresource } = attributes;
      if (operation !== 'UPDATE' || subresource !== '' || !isKind(resource, 'persistentvolumeclaims')) return;
      const next = attributes.object as PersistentVolumeClaim;
      const previous = attributes.oldObject as PersistentVolumeClaim;
      if (sizeOf(next).cmp(sizeOf(previous)) <= 0) return;
      if (previous.status?.phase !== 'Bound') refuse(attributes, 'Only bound persistent volume claims can be expanded');
      const name = storageClassOf(next);
      const allowed =
        name !== '' && name === storageClassOf(previous) && classes.get('', name)?.allowVolumeExpansion === true;
      if (!allowed) {
        refuse(
          attributes,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        );
      }
    },
  };
}

function sizeOf({ spec }: PersistentVolumeClaim): ReturnType<typeof amountOf> {
  return amountOf(spec.resources?.requests, 'storage');
}
