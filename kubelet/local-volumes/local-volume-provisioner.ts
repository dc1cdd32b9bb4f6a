/**
 * Makes, grows and removes the volumes of classes of `nocher.io/local`: folders on the nodes of this process, real or
 * simulated. It does what an external provisioner does (sig-storage-lib-external-provisioner `controller.go`), as a
 * controller over claims and volumes: keys with a namespace are claims, keys without are volumes.
 *
 * Several processes may do so beside each other: each looks after its own nodes. For a claim that is not bound to a
 * node yet, whoever creates the volume first has made it, since there is one name for it.
 */
import type { Node } from '../../api/core/v1/node.ts';
import { nodes } from '../../api/core/v1/node.ts';
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import { hasSelectedNode, isFullyBound, SELECTED_NODE, STORAGE_PROVISIONER } from '../../api/core/v1/volume/binding.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/errors.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import { storageClasses } from '../../api/storage/v1/storage-class.ts';
import type { CacheReader, Controller, ControllerContext, IndexDeclaration } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { grow, wantsToGrow } from './growth.ts';
import {
  chooseNode,
  isToBeRemoved,
  LOCAL_PROVISIONER,
  nodeOfVolume,
  PROVISIONER_FINALIZER,
  refusalOf,
  volumeFor,
  volumeNameOf,
} from './plan.ts';
import { makeVolumeFolder, pathOfVolume, removeVolumeFolder } from './volume-folders.ts';

/** Of a node of this process. */
export interface VolumePlace {
  /** Holds the volumes' folders. Absent: the node is simulated, and so are its volumes. */
  folder?: string;
}

/** Undefined for nodes of other processes. */
export type PlaceOf = (nodeName: string) => VolumePlace | undefined;

const SIMULATED_FOLDER = '/simulated/volumes';

const CLAIMS_TO_SERVE: IndexDeclaration = {
  resource: persistentVolumeClaims,
  name: 'local volume to make',
  fn: (object) => (isWaiting(object as PersistentVolumeClaim) ? ['all'] : []),
};

const VOLUMES_BY_NODE: IndexDeclaration = {
  resource: persistentVolumes,
  name: 'local node',
  fn: (object) => [nodeOfVolume(object as PersistentVolume) ?? ''],
};

export function localVolumeProvisioner(placeOf: PlaceOf): Controller {
  return defineController<PersistentVolumeClaim>({
    name: 'local-volume-provisioner',
    component: LOCAL_PROVISIONER,
    for: persistentVolumeClaims,
    watches: [
      { resource: persistentVolumes, map: (object) => [object.metadata.name ?? '', ...claimOf(object)] },
      { resource: storageClasses, map: (_object, cache) => claimsToServe(cache) },
      // A node that comes may be the first that a claim can have a volume on.
      { resource: nodes, map: (_object, cache) => claimsToServe(cache), isRelevant: () => false },
    ],
    indexes: [CLAIMS_TO_SERVE, VOLUMES_BY_NODE],
    writes: [persistentVolumes, persistentVolumeClaims],
    async reconcile({ namespace, name }, context) {
      if (namespace === '') {
        const volume = context.lister<PersistentVolume>(persistentVolumes).get('', name);
        if (volume !== undefined) await reconcileVolume(volume, placeOf, context);
        return undefined;
      }
      const claim = context.lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
      if (claim === undefined) return undefined;
      if (isWaiting(claim)) await provision(claim, placeOf, context);
      else if (isFullyBound(claim) && wantsToGrow(claim)) await growIfOurs(claim, placeOf, context);
      return undefined;
    },
  });
}

/** `shouldProvision` */
function isWaiting(claim: PersistentVolumeClaim): boolean {
  if ((claim.spec.volumeName ?? '') !== '' || claim.metadata.deletionTimestamp !== undefined) return false;
  return claim.metadata.annotations?.[STORAGE_PROVISIONER] === LOCAL_PROVISIONER;
}

function claimsToServe(cache: CacheReader): string[] {
  return cache.byIndex(persistentVolumeClaims, CLAIMS_TO_SERVE.name, 'all').map(keyOf);
}

function claimOf(object: object): string[] {
  const { namespace = '', name = '' } = (object as PersistentVolume).spec.claimRef ?? {};
  return name === '' ? [] : [`${namespace}/${name}`];
}

type Reason = 'Provisioning' | 'ProvisioningSucceeded' | 'ProvisioningFailed';

function record(
  { events }: ControllerContext,
  { metadata }: PersistentVolumeClaim,
  [reason, message]: [Reason, string],
) {
  const about = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
  events.event(about, reason === 'ProvisioningFailed' ? 'Warning' : 'Normal', reason, message);
}

async function provision(claim: PersistentVolumeClaim, placeOf: PlaceOf, context: ControllerContext): Promise<void> {
  const { lister } = context;
  const storageClass = lister<StorageClass>(storageClasses).get('', storageClassOf(claim));
  if (storageClass?.provisioner !== LOCAL_PROVISIONER) return;
  if (lister<PersistentVolume>(persistentVolumes).get('', volumeNameOf(claim)) !== undefined) return;
  const nodeName = await nodeFor({ claim, storageClass, placeOf }, context);
  const place = nodeName === undefined ? undefined : placeOf(nodeName);
  if (nodeName === undefined || place === undefined) return;
  const failure = `failed to provision volume with StorageClass ${JSON.stringify(storageClass.metadata.name)}`;
  const refusal = refusalOf(claim, storageClass);
  if (refusal !== undefined) {
    record(context, claim, ['ProvisioningFailed', `${failure}: ${refusal}`]);
    return;
  }
  const claimKey = JSON.stringify(keyOf(claim));
  record(context, claim, ['Provisioning', `External provisioner is provisioning volume for claim ${claimKey}`]);
  try {
    await make({ claim, storageClass, nodeName, place }, context);
  } catch (error) {
    record(context, claim, ['ProvisioningFailed', `${failure}: ${(error as Error).message}`]);
    throw error;
  }
}

interface Made {
  claim: PersistentVolumeClaim;
  storageClass: StorageClass;
  nodeName: string;
  place: VolumePlace;
}

/** Folder first: a volume that is there can be used. */
async function make({ claim, storageClass, nodeName, place }: Made, context: ControllerContext): Promise<void> {
  const name = volumeNameOf(claim);
  const path = pathOfVolume(place.folder ?? SIMULATED_FOLDER, name);
  if (place.folder !== undefined) await makeVolumeFolder(place.folder, name);
  try {
    const volume = volumeFor({ claim, storageClass, nodeName, path });
    await context.client.create<PersistentVolume>(persistentVolumes, volume);
    record(context, claim, ['ProvisioningSucceeded', `Successfully provisioned volume ${name}`]);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const made = await context.client.get<PersistentVolume>(persistentVolumes, { name });
    // Another process was quicker, on a node of its own.
    if (place.folder !== undefined && nodeOfVolume(made) !== nodeName) await removeVolumeFolder(place.folder, name);
  }
}

/** The one that the scheduler has chosen, or, where nobody waits for a pod, the best of ours. */
async function nodeFor(
  { claim, storageClass, placeOf }: { claim: PersistentVolumeClaim; storageClass: StorageClass; placeOf: PlaceOf },
  context: ControllerContext,
): Promise<string | undefined> {
  const known = context.lister<Node>(nodes);
  if (hasSelectedNode(claim)) {
    const selected = claim.metadata.annotations![SELECTED_NODE]!;
    if (known.get('', selected) !== undefined || !(await isGone(selected, context))) return selected;
    await unselectNode(claim, context);
    return undefined;
  }
  if (storageClass.volumeBindingMode === 'WaitForFirstConsumer') return undefined;
  const ours = known.list().filter(({ metadata }) => placeOf(metadata.name ?? '') !== undefined);
  const volumesOn = (nodeName: string): number =>
    context.byIndex(persistentVolumes, VOLUMES_BY_NODE.name, nodeName).length;
  return chooseNode(ours, storageClass, volumesOn)?.metadata.name;
}

async function isGone(nodeName: string, { client }: ControllerContext): Promise<boolean> {
  try {
    await client.get(nodes, { name: nodeName });
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

/** The scheduler chooses again. */
async function unselectNode(claim: PersistentVolumeClaim, { client }: ControllerContext): Promise<void> {
  const { [SELECTED_NODE]: _gone, ...annotations } = claim.metadata.annotations ?? {};
  const next = { ...claim, metadata: { ...claim.metadata, annotations } };
  await client.update<PersistentVolumeClaim>(persistentVolumeClaims, next);
}

async function growIfOurs(claim: PersistentVolumeClaim, placeOf: PlaceOf, context: ControllerContext): Promise<void> {
  const volume = context.lister<PersistentVolume>(persistentVolumes).get('', claim.spec.volumeName!);
  const nodeName = volume === undefined ? undefined : nodeOfVolume(volume);
  if (volume === undefined || nodeName === undefined || placeOf(nodeName) === undefined) return;
  await grow(claim, volume, context);
}

async function reconcileVolume(volume: PersistentVolume, placeOf: PlaceOf, context: ControllerContext): Promise<void> {
  const { name = '', deletionTimestamp, finalizers = [] } = volume.metadata;
  const nodeName = nodeOfVolume(volume);
  const place = nodeName === undefined ? undefined : placeOf(nodeName);
  if (place === undefined) return;
  if (isToBeRemoved(volume)) {
    await removeFolder(volume, place, context);
    if (deletionTimestamp === undefined) {
      await context.client.delete(persistentVolumes, { name }, { preconditions: { uid: volume.metadata.uid! } });
      return;
    }
  } else if (deletionTimestamp === undefined || volume.status?.phase === 'Bound') return;
  if (!finalizers.includes(PROVISIONER_FINALIZER)) return;
  const others = finalizers.filter((one) => one !== PROVISIONER_FINALIZER);
  const next = { ...volume, metadata: { ...volume.metadata, finalizers: others } };
  await context.client.update<PersistentVolume>(persistentVolumes, next);
}

async function removeFolder(
  volume: PersistentVolume,
  { folder }: VolumePlace,
  { events }: ControllerContext,
): Promise<void> {
  if (folder === undefined) return;
  try {
    // Where the volume says it lies is not asked: it is for its users to read, and could be changed.
    await removeVolumeFolder(folder, volume.metadata.name ?? '');
  } catch (error) {
    const about = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: volume.metadata };
    events.event(about, 'Warning', 'VolumeFailedDelete', (error as Error).message);
    throw error;
  }
}
