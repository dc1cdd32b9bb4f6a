/** Volumes of claims: those whose PersistentVolume is a folder or a device of this node (`hostPath`, `local`). */
import { realpath, stat } from 'node:fs/promises';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { Pod, Volume } from '../../api/core/v1/pod/types.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { ApiObject, WireObject } from '../../api/machinery/meta.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { setUpHostPath } from './host-path.ts';
import { ClaimError, NamedVolumeError, VolumeError } from './payloads.ts';
import { giveTreeToGroup } from './safe-tree.ts';

type Claim = WireObject<V1PersistentVolumeClaim>;
type PersistentVolume = WireObject<V1PersistentVolume>;

const claims: ResourceRef = {
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim' },
};
const persistentVolumes: ResourceRef = {
  group: '',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'persistentvolumes', kind: 'PersistentVolume' },
};

/** How events about a volume begin. */
export const SET_UP_FAILED = 'MountVolume.SetUp failed';
const NEW_MOUNTER_FAILED = 'MountVolume.NewMounter initialization failed';
export const MOUNT_DEVICE_FAILED = 'MountVolume.MountDevice failed';
const MAP_FAILED = 'MapVolume.MapBlockVolume failed';
const NO_MAPPER = 'MapVolume.FindMapperPluginBySpec failed to find BlockVolumeMapper plugin. Volume plugin is nil.';

export interface BoundVolume {
  /** To mount; a device that is to be given to containers as it is, or that has a file system to mount first. */
  path: string;
  kind: 'folder' | 'device' | 'file-system';
  /** Of a file system, and what to mount it with. */
  fsType: string;
  mountOptions: readonly string[];
  /** As the pod asks for it. */
  readOnly: boolean;
  /** Its files may be given to the pod's group. */
  isOwnable: boolean;
  /** By its access mode. */
  isForOnePod: boolean;
  /** Of the PersistentVolume. */
  name: string;
}

/** What the claim of a pod's volume is bound to. Throws `VolumeError`. Changes nothing that is there. */
export async function setUpClaim(client: Client, pod: Pod, volume: Volume): Promise<BoundVolume> {
  const name = await boundVolumeName(client, pod, volume);
  const bound = await find<PersistentVolume>(client, persistentVolumes, { name });
  const { name: claimName } = claimNameOf(pod, volume);
  const fail = (message: string): ClaimError => claimError(pod, claimName, message);
  if (bound === undefined)
    throw fail(`failed to fetch PV ${name} from API server: persistentvolumes ${JSON.stringify(name)} not found`);
  const { accessModes = [], claimRef, mountOptions = [], volumeMode, ...source } = bound.spec ?? {};
  if (claimRef === undefined || claimRef.namespace !== pod.metadata.namespace || claimRef.name !== claimName)
    throw fail(`found PV object ${name} with nil or another pv.Spec.ClaimRef`);
  checkMode(pod, volume, volumeMode === 'Block');
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  const isForOnePod = accessModes.includes('ReadWriteOncePod');
  const fsType = source.local?.fsType ?? '';
  const place = volumeMode === 'Block' ? await deviceOf(name, source) : await folderOf(name, source);
  return { ...place, fsType, mountOptions, readOnly, isForOnePod, name };
}

type Source = Pick<NonNullable<PersistentVolume['spec']>, 'hostPath' | 'local'>;
type Place = Pick<BoundVolume, 'path' | 'kind' | 'isOwnable'>;

async function folderOf(name: string, { hostPath, local }: Source): Promise<Place> {
  if (hostPath !== undefined) {
    const path = await setUpHostPath(hostPath).catch((error: Error) => {
      throw new NamedVolumeError(name, SET_UP_FAILED, error.message);
    });
    return { path, kind: 'folder', isOwnable: false };
  }
  if (local === undefined) throw new VolumeError(`no volume plugin matched name: ${name}`);
  const { path } = local;
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined)
    throw new NamedVolumeError(name, NEW_MOUNTER_FAILED, `path ${JSON.stringify(path)} does not exist`);
  if (stats.isBlockDevice()) return { path: await realpath(path), kind: 'file-system', isOwnable: true };
  if (!stats.isDirectory())
    throw new NamedVolumeError(name, NEW_MOUNTER_FAILED, 'only directory and block device are supported');
  return { path, kind: 'folder', isOwnable: true };
}

/** Upstream's `hostPath` plugin maps no devices; here it does when its type says that it is one. */
async function deviceOf(name: string, { hostPath, local }: Source): Promise<Place> {
  const given = local ?? hostPath;
  if (given === undefined) throw new VolumeError(`no volume plugin matched name: ${name}`);
  if (local === undefined && hostPath?.type !== 'BlockDevice') throw new NamedVolumeError(name, NO_MAPPER, '');
  const stats = await stat(given.path).catch(() => undefined);
  if (stats?.isBlockDevice() === true) return { path: await realpath(given.path), kind: 'device', isOwnable: false };
  const problem = stats === undefined ? 'does not exist' : 'is not a block device';
  throw new NamedVolumeError(name, MAP_FAILED, `path ${JSON.stringify(given.path)} ${problem}`);
}

/** As `fsGroup` says, and not when the policy finds its root right already. Throws `VolumeError`. */
export async function giveToGroup(pod: Pod, { path, readOnly, isOwnable, name }: BoundVolume): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined || readOnly || !isOwnable) return;
  try {
    const { gid, mode } = await stat(path);
    const isRight = gid === fsGroup && (mode & 0o2770) === 0o2770;
    if (fsGroupChangePolicy === 'OnRootMismatch' && isRight) return;
    await giveTreeToGroup(path, fsGroup);
  } catch (error) {
    throw new NamedVolumeError(name, SET_UP_FAILED, `applyFSGroup failed for vol ${name}: ${(error as Error).message}`);
  }
}

/** A device is not mounted; a file system cannot be had as one. */
function checkMode(pod: Pod, volume: Volume, isBlock: boolean): void {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  const isMounted = all.some(({ volumeMounts = [] }) => volumeMounts.some((mount) => mount.name === volume.name));
  const isDevice = all.some(({ volumeDevices = [] }) => volumeDevices.some((device) => device.name === volume.name));
  const fail = (message: string): ClaimError => new ClaimError(message);
  if (isMounted && isBlock) throw fail(`volume ${volume.name} has volumeMode Block, but is specified in volumeMounts`);
  if (isDevice && !isBlock)
    throw fail(`volume ${volume.name} has volumeMode Filesystem, but is specified in volumeDevices`);
}

function claimNameOf({ metadata }: Pod, { name, persistentVolumeClaim }: Volume): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? '', name: persistentVolumeClaim?.claimName ?? `${metadata.name}-${name}` };
}

function claimError({ metadata }: Pod, claimName: string, message: string): ClaimError {
  return new ClaimError(`error processing PVC ${metadata.namespace ?? ''}/${claimName}: ${message}`);
}

/** `getPVCExtractPV` */
async function boundVolumeName(client: Client, pod: Pod, volume: Volume): Promise<string> {
  const key = claimNameOf(pod, volume);
  const fail = (message: string): ClaimError => claimError(pod, key.name, message);
  const claim = await find<Claim>(client, claims, key);
  if (claim === undefined)
    throw fail(`failed to fetch PVC from API server: persistentvolumeclaims ${JSON.stringify(key.name)} not found`);
  const isOwned = claim.metadata.ownerReferences?.some((owner) => owner.uid === pod.metadata.uid) === true;
  if (volume.ephemeral !== undefined && !isOwned) {
    const podName = `${key.namespace}/${pod.metadata.name}`;
    throw fail(`PVC ${key.namespace}/${key.name} was not created for pod ${podName} (pod is not owner)`);
  }
  const volumeName = claim.spec?.volumeName ?? '';
  if (claim.status?.phase !== 'Bound' || volumeName === '') throw fail('PVC is not bound');
  return volumeName;
}

async function find<T extends ApiObject>(
  client: Client,
  resource: ResourceRef,
  name: { namespace?: string; name: string },
): Promise<T | undefined> {
  try {
    return await client.get<T>(resource, name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
