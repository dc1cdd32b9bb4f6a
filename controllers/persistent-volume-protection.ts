/** PVProtection: a volume goes once it is bound to no claim (upstream `pkg/controller/volume/pvprotection`). */
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../api/core/v1/persistent-volume.ts';
import { PV_PROTECTION_FINALIZER } from '../api/core/v1/volume/protection.ts';
import { defineController } from '../client/controller.ts';
import { withFinalizer, withoutFinalizer } from './finalizers.ts';

export const persistentVolumeProtection = defineController<PersistentVolume>({
  name: 'pv-protection-controller',
  for: persistentVolumes,
  writes: [persistentVolumes],
  async reconcile({ name }, { lister, client }) {
    const volume = lister<PersistentVolume>(persistentVolumes).get('', name);
    if (volume === undefined) return undefined;
    const isGoing = volume.metadata.deletionTimestamp !== undefined;
    if (isGoing && volume.status?.phase === 'Bound') return undefined;
    const next = (isGoing ? withoutFinalizer : withFinalizer)(volume, PV_PROTECTION_FINALIZER);
    if (next !== volume) await client.update<PersistentVolume>(persistentVolumes, next);
    return undefined;
  },
});
