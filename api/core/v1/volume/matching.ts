/** Which volume suits a claim (`component-helpers/storage/volume/pv_helpers.go FindMatchingVolume`). Pure. */
import type { Selector } from '../../../machinery/label-selector.ts';
import { selectorFromObject } from '../../../machinery/label-selector.ts';
import { amountOf } from '../pod/resources.ts';
import { storageClassOf } from './access-modes.ts';
import { isVolumeBoundToClaim } from './binding.ts';
import type { PersistentVolume, PersistentVolumeClaim } from './types.ts';

export interface MatchOptions {
  /** Volumes that are spoken for. */
  excluded?: ReadonlySet<string>;
  /** Of the node that is asked about; absent: no node is. */
  fitsNode?: (volume: PersistentVolume) => boolean;
  /** The claim waits for its first consumer: without a node only a volume reserved for it will do. */
  waits: boolean;
}

/** A volume that is reserved for the claim; else the smallest that is large enough; the first of equals. */
export function findMatchingVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  options: MatchOptions,
): PersistentVolume | undefined {
  const { excluded, fitsNode = anywhere } = options;
  const usable = volumes.filter((one) => excluded?.has(one.metadata.name ?? '') !== true && mayServe(one, claim));
  const reserved = usable.find((volume) => isVolumeBoundToClaim(volume, claim));
  if (reserved !== undefined) return fitsNode(reserved) ? reserved : undefined;
  const asksForNode = options.fitsNode !== undefined;
  if (!asksForNode && options.waits) return undefined;
  const selector = claim.spec.selector === undefined ? undefined : selectorFromObject(claim.spec.selector);
  let best: PersistentVolume | undefined;
  for (const volume of usable) {
    if (!fitsNode(volume) || !isFree(volume, claim, selector)) continue;
    if (asksForNode && !hasAccessModes(volume, claim)) continue;
    if (best === undefined || sizeOf(volume).cmp(sizeOf(best)) < 0) best = volume;
  }
  return best;
}

const anywhere = (): boolean => true;

/** `findByClaim`: as above, but volumes with the fewest access modes that suffice come first. */
export function findBestVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  options: MatchOptions,
): PersistentVolume | undefined {
  const suitable = volumes.filter((volume) => hasAccessModes(volume, claim));
  const counts = [...new Set(suitable.map(modeCount))].sort((a, b) => a - b);
  for (const count of counts) {
    const some = suitable.filter((volume) => modeCount(volume) === count);
    const found = findMatchingVolume(claim, some, options);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `checkVolumeSatisfyClaim`: why the volume that a claim names will not do. */
export function volumeMismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined) {
    return `the volume is marked for deletion ${JSON.stringify(volume.metadata.name)}`;
  }
  if (sizeOf(volume).cmp(requestOf(claim)) < 0) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if (attributesClassOf(volume) !== attributesClassOf(claim)) return 'volumeAttributesClassName does not match';
  if (!hasSameMode(volume, claim)) return 'incompatible volumeMode';
  return hasAccessModes(volume, claim) ? undefined : 'incompatible accessMode';
}

/** A file system, unless it says otherwise. */
export function hasSameMode({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (spec.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem');
}

/** Whether the volume has every access mode that the claim wants. */
export function hasAccessModes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode) === true);
}

export function requestOf({ spec }: PersistentVolumeClaim): ReturnType<typeof amountOf> {
  return amountOf(spec.resources?.requests, 'storage');
}

function sizeOf({ spec }: PersistentVolume): ReturnType<typeof amountOf> {
  return amountOf(spec.capacity, 'storage');
}

const modeCount = ({ spec }: PersistentVolume): number => spec.accessModes?.length ?? 0;

const attributesClassOf = ({ spec }: { spec: { volumeAttributesClassName?: string } }): string =>
  spec.volumeAttributesClassName ?? '';

/** Nobody else's, large enough, of the right kind, and not going. */
function mayServe(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (volume.spec.claimRef !== undefined && !isVolumeBoundToClaim(volume, claim)) return false;
  if (volume.metadata.deletionTimestamp !== undefined) return false;
  if (sizeOf(volume).cmp(requestOf(claim)) < 0 || !hasSameMode(volume, claim)) return false;
  return attributesClassOf(volume) === attributesClassOf(claim);
}

function isFree(volume: PersistentVolume, claim: PersistentVolumeClaim, selector: Selector | undefined): boolean {
  if (volume.status?.phase !== 'Available') return false;
  if (selector !== undefined && !selector.matches(volume.metadata.labels)) return false;
  return storageClassOf(volume) === storageClassOf(claim);
}
