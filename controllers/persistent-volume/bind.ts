/**
 * The binder's writes: a volume and a claim point at each other, in that order, and say so in their status. Each step
 * is left out when it is done already, so that a binding which was cut short is completed by trying again.
 */
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  bindVolumeToClaim,
  hasAnnotation,
  withAnnotations,
} from '../../api/core/v1/volume/binding.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { recordOnClaim, recordOnVolume } from './events.ts';
import type { VolumeEvent } from './events.ts';

type ClaimPhase = 'Pending' | 'Bound' | 'Lost';
type VolumePhase = 'Available' | 'Bound' | 'Released' | 'Failed';

/** Volume first; throws at the first write that fails. */
export async function bind(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  context: ControllerContext,
): Promise<void> {
  const { client } = context;
  const pointing = bindVolumeToClaim(volume, claim);
  const bound = pointing === volume ? volume : await client.update<PersistentVolume>(persistentVolumes, pointing);
  await setVolumePhase(bound, { phase: 'Bound' }, context);
  const completed = bindClaimToVolume(claim, bound);
  const bindingClaim =
    completed === claim ? claim : await client.update<PersistentVolumeClaim>(persistentVolumeClaims, completed);
  await setClaimPhase(bindingClaim, { phase: 'Bound', volume: bound }, context);
}

/** The claim pointing at the volume, its binding completed; the same object when it is. */
export function bindClaimToVolume(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const volumeName = volume.metadata.name!;
  const pointsThere = claim.spec.volumeName === volumeName;
  const next = pointsThere ? claim : { ...claim, spec: { ...claim.spec, volumeName } };
  return withAnnotations(next, {
    ...(pointsThere ? {} : { [BOUND_BY_CONTROLLER]: 'yes' }),
    ...(hasAnnotation(claim, BIND_COMPLETED) ? {} : { [BIND_COMPLETED]: 'yes' }),
  });
}

/** Takes the binding back: free for all, or, when a user had reserved it, reserved again. */
export async function unbind(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const freed = await context.client.update<PersistentVolume>(persistentVolumes, unboundVolume(volume));
  await setVolumePhase(freed, { phase: 'Available' }, context);
}

export function unboundVolume(volume: PersistentVolume): PersistentVolume {
  const { claimRef, ...others } = volume.spec;
  if (!hasAnnotation(volume, BOUND_BY_CONTROLLER)) {
    const { uid: _uid, ...reserved } = claimRef ?? {};
    return { ...volume, spec: { ...others, claimRef: reserved } };
  }
  const { [BOUND_BY_CONTROLLER]: _mark, ...annotations } = volume.metadata.annotations ?? {};
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec: others };
}

/** The event is recorded only when the phase changes. */
export async function setVolumePhase(
  volume: PersistentVolume,
  { phase, event }: { phase: VolumePhase; event?: VolumeEvent },
  { client, events }: ControllerContext,
): Promise<PersistentVolume> {
  if (volume.status?.phase === phase) return volume;
  const { message: _message, ...status } = volume.status ?? {};
  const next = { ...volume, status: { ...status, phase, ...(event === undefined ? {} : { message: event.message }) } };
  const written = await client.update<PersistentVolume>(persistentVolumes, next, { subresource: 'status' });
  if (event !== undefined) recordOnVolume(events, written, event);
  return written;
}

export interface ClaimPhaseChange {
  phase: ClaimPhase;
  /** What the claim is bound to: its status takes access modes and, as it becomes bound, the size. */
  volume?: PersistentVolume;
  /** Recorded only when the phase changes. */
  event?: VolumeEvent;
}

export async function setClaimPhase(
  claim: PersistentVolumeClaim,
  change: ClaimPhaseChange,
  { client, events }: ControllerContext,
): Promise<void> {
  const status = claimStatus(claim, change);
  if (deepEqual(status, claim.status ?? {})) return;
  const next = { ...claim, status };
  const written = await client.update<PersistentVolumeClaim>(persistentVolumeClaims, next, { subresource: 'status' });
  if (change.event !== undefined) recordOnClaim(events, written, change.event);
}

type ClaimStatus = NonNullable<PersistentVolumeClaim['status']>;

/** `updateClaimStatus`. The size of a claim that is bound already is for those to change who let it grow. */
export function claimStatus({ status = {} }: PersistentVolumeClaim, { phase, volume }: ClaimPhaseChange): ClaimStatus {
  const { accessModes: _accessModes, capacity, ...others } = status;
  if (volume === undefined) return { ...others, phase };
  const next: ClaimStatus = { ...others, phase };
  if (volume.spec.accessModes !== undefined) next.accessModes = volume.spec.accessModes;
  const hasSize = amountOf(capacity, 'storage').cmp(amountOf(volume.spec.capacity, 'storage')) === 0;
  const size = status.phase === phase || hasSize ? capacity : volume.spec.capacity;
  if (size !== undefined) next.capacity = size;
  return next;
}
