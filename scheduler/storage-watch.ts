/** Changes of claims, volumes, classes and drivers, as events that may let waiting pods fit. */
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../api/core/v1/persistent-volume-claim.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { CsiNode } from '../api/storage/v1/csi-node.ts';
import { csiNodes } from '../api/storage/v1/csi-node.ts';
import type { StorageClass } from '../api/storage/v1/storage-class.ts';
import { storageClasses } from '../api/storage/v1/storage-class.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import type { Informer, InformerChange } from '../client/informer.ts';
import type { ClusterEvent } from './cluster-event.ts';

/** Resolves when all of them have their first lists. `onEvent` is called until the signal aborts. */
export async function watchStorage(
  informers: InformerFactory,
  onEvent: (event: ClusterEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const subscriptions: { unsubscribe(): void }[] = [];
  const stop = (): void => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
  // One for all of them: listeners of a signal are counted.
  signal.addEventListener('abort', stop, { once: true });
  const follow = async <T extends ApiObject>(
    informer: Informer<T>,
    eventOf: (object: T, previous: T | undefined) => ClusterEvent,
  ): Promise<void> => {
    await informer.waitForSync(signal);
    const onChange = ({ type, object, previous }: InformerChange<T>): void => {
      if (type !== 'delete') onEvent(eventOf(object, previous));
    };
    subscriptions.push(informer.changes.subscribe(onChange));
  };
  await Promise.all([
    follow(informers.informer<PersistentVolumeClaim>(persistentVolumeClaims), (claim, previous) =>
      previous === undefined
        ? { name: 'PersistentVolumeClaimAdd', claim }
        : { name: 'PersistentVolumeClaimUpdate', claim, previous },
    ),
    follow(informers.informer<PersistentVolume>(persistentVolumes), (volume, previous) =>
      previous === undefined
        ? { name: 'PersistentVolumeAdd', volume }
        : { name: 'PersistentVolumeUpdate', volume, previous },
    ),
    follow(informers.informer<StorageClass>(storageClasses), (storageClass, previous) =>
      previous === undefined
        ? { name: 'StorageClassAdd', storageClass }
        : { name: 'StorageClassUpdate', storageClass, previous },
    ),
    follow(informers.informer<CsiNode>(csiNodes), (csiNode, previous) =>
      previous === undefined ? { name: 'CSINodeAdd', csiNode } : { name: 'CSINodeUpdate', csiNode, previous },
    ),
  ]);
  if (signal.aborted) stop();
}
