/** Wire types of persistent volumes and claims. */
import type {
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PersistentVolumeClaimSpec,
  V1PersistentVolumeSpec,
} from '@kubernetes/client-node';
import type { Wire, WireObject } from '../../../machinery/meta.ts';

export type PersistentVolumeSpec = Wire<V1PersistentVolumeSpec>;
export type PersistentVolumeClaimSpec = Wire<V1PersistentVolumeClaimSpec>;

/** A decoded volume: defaulting has seen to it that `spec` is there. */
export type PersistentVolume = Omit<WireObject<V1PersistentVolume>, 'spec'> & { spec: PersistentVolumeSpec };

/** A decoded claim: defaulting has seen to it that `spec` is there. */
export type PersistentVolumeClaim = Omit<WireObject<V1PersistentVolumeClaim>, 'spec'> & {
  spec: PersistentVolumeClaimSpec;
};
