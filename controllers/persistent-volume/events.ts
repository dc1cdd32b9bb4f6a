/** What the binder tells about claims and volumes (`pkg/controller/volume/events/event.go`). */
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { EventRecorder, EventType } from '../../client/events.ts';

export type VolumeEventReason =
  | 'FailedBinding'
  | 'VolumeMismatch'
  | 'WaitForFirstConsumer'
  | 'WaitForPodScheduled'
  | 'ExternalProvisioning'
  | 'ExternalExpanding'
  | 'ProvisioningFailed'
  | 'ClaimLost'
  | 'ClaimMisbound'
  | 'VolumeFailedRecycle'
  | 'VolumeFailedDelete'
  | 'VolumeUnknownReclaimPolicy';

export interface VolumeEvent {
  type: EventType;
  reason: VolumeEventReason;
  message: string;
}

/** Members of a list do not say what they are. */
export function recordOnClaim(recorder: EventRecorder, { metadata }: PersistentVolumeClaim, event: VolumeEvent): void {
  const about = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
  recorder.event(about, event.type, event.reason, event.message);
}

export function recordOnVolume(recorder: EventRecorder, { metadata }: PersistentVolume, event: VolumeEvent): void {
  const about = { apiVersion: 'v1', kind: 'PersistentVolume', metadata };
  recorder.event(about, event.type, event.reason, event.message);
}
