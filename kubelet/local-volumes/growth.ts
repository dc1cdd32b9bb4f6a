/**
 * A claim that asks for more gets it: the folder of a local volume has no size of its own, so that only what the
 * objects say changes (external-resizer `controller.go`, `KEP-1790`).
 */
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import { requestOf } from '../../api/core/v1/volume/matching.ts';
import { formatTime } from '../../base/clock.ts';
import type { ControllerContext } from '../../client/controller.ts';

type Status = NonNullable<PersistentVolumeClaim['status']>;

/** Whether the claim, which is bound to this volume, asks for more than it has. */
export function wantsToGrow(claim: PersistentVolumeClaim): boolean {
  if (claim.status?.phase !== 'Bound') return false;
  return requestOf(claim).cmp(amountOf(claim.status.capacity, 'storage')) > 0;
}

/** Throws when one of the writes fails; what is left to do is done by the next try. */
export async function grow(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  { client, events, now }: ControllerContext,
): Promise<void> {
  const about = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: claim.metadata };
  const name = volume.metadata.name!;
  events.event(about, 'Normal', 'Resizing', `External resizer is resizing volume ${name}`);
  const writeStatus = (to: PersistentVolumeClaim, status: Status): Promise<PersistentVolumeClaim> =>
    client.update<PersistentVolumeClaim>(persistentVolumeClaims, { ...to, status }, { subresource: 'status' });
  const resizing = await writeStatus(claim, resizingStatus(claim, formatTime(now())));
  const size = requestOf(claim);
  if (amountOf(volume.spec.capacity, 'storage').cmp(size) < 0) {
    const capacity = { ...volume.spec.capacity, storage: size.toString() };
    await client.update<PersistentVolume>(persistentVolumes, { ...volume, spec: { ...volume.spec, capacity } });
  }
  await writeStatus(resizing, grownStatus(resizing));
  events.event(about, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
}

/** On its way. */
export function resizingStatus(claim: PersistentVolumeClaim, time: string): Status {
  const { status = {} } = claim;
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'Resizing');
  return {
    ...status,
    conditions: [...others, { type: 'Resizing', status: 'True', lastTransitionTime: time }],
    allocatedResources: { ...status.allocatedResources, storage: requestOf(claim).toString() },
    allocatedResourceStatuses: { ...status.allocatedResourceStatuses, storage: 'ControllerResizeInProgress' },
  };
}

/** Done. */
export function grownStatus(claim: PersistentVolumeClaim): Status {
  const { conditions = [], allocatedResourceStatuses: _done, ...status } = claim.status ?? {};
  const others = conditions.filter(({ type }) => type !== 'Resizing' && type !== 'FileSystemResizePending');
  const { conditions: _former, ...rest } = status as Status;
  return {
    ...rest,
    ...(others.length === 0 ? {} : { conditions: others }),
    capacity: { ...status.capacity, storage: requestOf(claim).toString() },
  };
}
