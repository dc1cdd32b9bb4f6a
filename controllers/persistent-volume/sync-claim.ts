/**
 * What becomes of a claim: bound to a volume, waiting for one, or lost
 * (`pkg/controller/volume/persistentvolume/pv_controller.go syncClaim`).
 */
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  hasAnnotation,
  hasSelectedNode,
  hasStorageClass,
  isVolumeBoundToClaim,
  waitsForConsumer,
} from '../../api/core/v1/volume/binding.ts';
import { findBestVolume, volumeMismatch } from '../../api/core/v1/volume/matching.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import { newestDefaultClass, storageClasses } from '../../api/storage/v1/storage-class.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { PODS_BY_CLAIM } from '../pods-by-claim.ts';
import { bind, setClaimPhase } from './bind.ts';
import { recordOnClaim } from './events.ts';
import { VOLUMES_BY_CLAIM, VOLUMES_BY_CLASS } from './indexes.ts';
import { requestProvisioning } from './provisioning.ts';

export async function syncClaim(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  if (hasAnnotation(claim, BIND_COMPLETED)) await syncBoundClaim(claim, context);
  else if ((claim.spec.volumeName ?? '') === '') await syncUnboundClaim(claim, context);
  else await syncReservingClaim(claim, context);
}

/** Any volume will do that suits it; without one it waits for a pod, a provisioner, or a volume. */
async function syncUnboundClaim(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const classes = context.lister<StorageClass>(storageClasses);
  const waits = waitsForConsumer(claim, (name) => classes.get('', name));
  const volume = findBestVolume(claim, candidates(claim, context), { waits });
  if (volume !== undefined) {
    await bind(volume, claim, context);
    return;
  }
  if (await assignDefaultClass(claim, context)) return;
  if (waits && !hasSelectedNode(claim)) tellWhoIsWaitedFor(claim, context);
  else if (storageClassOf(claim) !== '') {
    await requestProvisioning(claim, context);
    return;
  } else {
    const message = 'no persistent volumes available for this claim and no storage class is set';
    recordOnClaim(context.events, claim, { type: 'Normal', reason: 'FailedBinding', message });
  }
  await setClaimPhase(claim, { phase: 'Pending' }, context);
}

/** Of its class, and those reserved for it, which may be of any. */
function candidates(claim: PersistentVolumeClaim, context: ControllerContext): PersistentVolume[] {
  const { namespace, name } = claim.metadata;
  const ofClass = context.byIndex<PersistentVolume>(persistentVolumes, VOLUMES_BY_CLASS.name, storageClassOf(claim));
  const reserved = context.byIndex<PersistentVolume>(persistentVolumes, VOLUMES_BY_CLAIM.name, `${namespace}/${name}`);
  return [...new Set([...reserved, ...ofClass])];
}

/** A claim from before there was a default class gets it afterwards. */
async function assignDefaultClass(claim: PersistentVolumeClaim, context: ControllerContext): Promise<boolean> {
  if (hasStorageClass(claim)) return false;
  const newest = newestDefaultClass(context.lister<StorageClass>(storageClasses).list());
  if (newest === undefined) return false;
  const next = { ...claim, spec: { ...claim.spec, storageClassName: newest.metadata.name! } };
  await context.client.update<PersistentVolumeClaim>(persistentVolumeClaims, next);
  return true;
}

/** `emitEventForUnboundDelayBindingClaim` */
function tellWhoIsWaitedFor(claim: PersistentVolumeClaim, { byIndex, events }: ControllerContext): void {
  const { namespace, name } = claim.metadata;
  const waiting = byIndex<Pod>(pods, PODS_BY_CLAIM.name, `${namespace}/${name}`)
    .filter(({ spec }) => (spec.nodeName ?? '') === '')
    .map(({ metadata }) => metadata.name ?? '');
  if (waiting.length === 0) {
    const message = 'waiting for first consumer to be created before binding';
    recordOnClaim(events, claim, { type: 'Normal', reason: 'WaitForFirstConsumer', message });
    return;
  }
  const message = `waiting for pod${waiting.length > 1 ? 's' : ''} ${waiting.join(',')} to be scheduled`;
  recordOnClaim(events, claim, { type: 'Normal', reason: 'WaitForPodScheduled', message });
}

/** It names the volume that it wants. */
async function syncReservingClaim(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const volume = context.lister<PersistentVolume>(persistentVolumes).get('', claim.spec.volumeName!);
  if (volume === undefined) {
    await setClaimPhase(claim, { phase: 'Pending' }, context);
    return;
  }
  const name = JSON.stringify(volume.metadata.name);
  if (volume.spec.claimRef === undefined) {
    const mismatch = volumeMismatch(volume, claim);
    if (mismatch === undefined) {
      await bind(volume, claim, context);
      return;
    }
    const message = `Cannot bind to requested volume ${name}: ${mismatch}`;
    recordOnClaim(context.events, claim, { type: 'Warning', reason: 'VolumeMismatch', message });
  } else if (isVolumeBoundToClaim(volume, claim)) {
    await bind(volume, claim, context);
    return;
  } else {
    const message = `volume ${name} already bound to a different claim.`;
    recordOnClaim(context.events, claim, { type: 'Warning', reason: 'FailedBinding', message });
    // Somebody took the mark of a completed binding off it: nothing is to be done about it here.
    if (hasAnnotation(claim, BOUND_BY_CONTROLLER)) return;
  }
  await setClaimPhase(claim, { phase: 'Pending' }, context);
}

const LOST_REFERENCE = 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!';
const LOST_VOLUME = 'Bound claim has lost its PersistentVolume. Data on the volume is lost!';
const MISBOUND = 'Two claims are bound to the same volume, this one is bound incorrectly';

async function syncBoundClaim(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const lose = (reason: 'ClaimLost' | 'ClaimMisbound', message: string): Promise<void> =>
    setClaimPhase(claim, { phase: 'Lost', event: { type: 'Warning', reason, message } }, context);
  const name = claim.spec.volumeName ?? '';
  if (name === '') return lose('ClaimLost', LOST_REFERENCE);
  const volume = await findVolume(name, claim, context);
  if (volume === undefined) return lose('ClaimLost', LOST_VOLUME);
  if (isTaken(volume, claim)) return lose('ClaimMisbound', MISBOUND);
  return bind(volume, claim, context);
}

function isTaken({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  return spec.claimRef !== undefined && spec.claimRef.uid !== metadata.uid;
}

/** The cache may be behind; a claim is not called lost for that. */
async function findVolume(
  name: string,
  claim: PersistentVolumeClaim,
  { lister, client }: ControllerContext,
): Promise<PersistentVolume | undefined> {
  const known = lister<PersistentVolume>(persistentVolumes).get('', name);
  if (known !== undefined && !isTaken(known, claim)) return known;
  try {
    return await client.get<PersistentVolume>(persistentVolumes, { name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
