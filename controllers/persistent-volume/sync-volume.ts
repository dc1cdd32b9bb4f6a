/**
 * What becomes of a volume: free, bound, or reclaimed after its claim
 * (`pkg/controller/volume/persistentvolume/pv_controller.go syncVolume`).
 */
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import { hasAnnotation, PROVISIONED_BY } from '../../api/core/v1/volume/binding.ts';
import { hasSameMode } from '../../api/core/v1/volume/matching.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { setVolumePhase, unbind } from './bind.ts';
import { recordOnClaim, recordOnVolume } from './events.ts';
import type { VolumeEvent } from './events.ts';

export async function syncVolume(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const { claimRef } = volume.spec;
  // Reserved for a claim that has not been bound to it yet, it is free, too.
  if (!claimRef?.uid) {
    await setVolumePhase(volume, { phase: 'Available' }, context);
    return;
  }
  const claim = await findClaim(volume, context);
  if (claim === undefined) {
    await release(volume, context);
    return;
  }
  const boundTo = claim.spec.volumeName ?? '';
  // The claim's own reconcile completes the binding.
  if (boundTo === '') tellMismatch(volume, claim, context);
  else if (boundTo === volume.metadata.name) await setVolumePhase(volume, { phase: 'Bound' }, context);
  else if (isMadeForClaim(volume)) await release(volume, context);
  else await unbind(volume, context);
}

/** The claim was bound to another volume meanwhile: nobody will ask for this one again. */
function isMadeForClaim(volume: PersistentVolume): boolean {
  return hasAnnotation(volume, PROVISIONED_BY) && volume.spec.persistentVolumeReclaimPolicy === 'Delete';
}

/** By its uid. The cache may be behind: a volume is not released for that. */
async function findClaim(
  volume: PersistentVolume,
  { lister, client }: ControllerContext,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = '', name = '', uid } = volume.spec.claimRef!;
  const known = lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
  if (known?.metadata.uid === uid) return known;
  try {
    const current = await client.get<PersistentVolumeClaim>(persistentVolumeClaims, { namespace, name });
    return current.metadata.uid === uid ? current : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function tellMismatch(volume: PersistentVolume, claim: PersistentVolumeClaim, { events }: ControllerContext): void {
  if (hasSameMode(volume, claim)) return;
  const end = 'due to incompatible volumeMode.';
  const claimName = JSON.stringify(claim.metadata.name);
  const volumeName = JSON.stringify(volume.metadata.name);
  const onVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${claimName} ${end}`;
  const onClaim = `Cannot bind PersistentVolume ${volumeName} to requested PersistentVolumeClaim ${end}`;
  recordOnVolume(events, volume, { type: 'Warning', reason: 'VolumeMismatch', message: onVolume });
  recordOnClaim(events, claim, { type: 'Warning', reason: 'VolumeMismatch', message: onClaim });
}

/** What failed stays so for the user to see. */
async function release(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const isOver = volume.status?.phase === 'Released' || volume.status?.phase === 'Failed';
  const released = isOver ? volume : await setVolumePhase(volume, { phase: 'Released' }, context);
  const event = reclaimProblem(released);
  if (event !== undefined) await setVolumePhase(released, { phase: 'Failed', event }, context);
}

/** Undefined where there is nothing to do, or whoever made the volume removes it. */
export function reclaimProblem(volume: PersistentVolume): VolumeEvent | undefined {
  const policy = volume.spec.persistentVolumeReclaimPolicy ?? 'Retain';
  if (policy === 'Retain') return undefined;
  if (policy === 'Recycle') {
    const message = 'No recycler plugin found for the volume!';
    return { type: 'Warning', reason: 'VolumeFailedRecycle', message };
  }
  if (policy !== 'Delete') {
    const message = 'Volume has unrecognized PersistentVolumeReclaimPolicy';
    return { type: 'Warning', reason: 'VolumeUnknownReclaimPolicy', message };
  }
  const maker = volume.metadata.annotations?.[PROVISIONED_BY] ?? '';
  // Also what a CSI driver serves is for others to remove.
  if (volume.spec.csi !== undefined || (maker !== '' && !maker.startsWith('kubernetes.io/'))) return undefined;
  const name = JSON.stringify(volume.metadata.name);
  const message = `error getting deleter volume plugin for volume ${name}: no volume plugin matched`;
  return { type: 'Warning', reason: 'VolumeFailedDelete', message };
}
