/**
 * Sets up a pod's volumes before its containers start, keeps those that follow API objects up to date, and removes
 * them after the pod (upstream `pkg/kubelet/volumemanager`).
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '../../api/core/v1/pod/types.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { writeAtomically } from './atomic-writer.ts';
import { setUpEmptyDir } from './empty-dir.ts';
import type { HostMounter } from './host-mounter.ts';
import { setUpHostPath } from './host-path.ts';
import { ClaimError, NamedVolumeError, payloadOf, VolumeError } from './payloads.ts';
import type { VolumeSources } from './payloads.ts';
import { giveToGroup, MOUNT_DEVICE_FAILED, SET_UP_FAILED, setUpClaim } from './persistent-claim.ts';
import type { BoundVolume } from './persistent-claim.ts';
import { isAlwaysReadOnly, pluginOf } from './plugin-names.ts';
import { podFolder, volumeFolder } from './pod-folder.ts';
import type { PodFolders } from './pod-folder.ts';

export interface MountedVolume {
  /** On the node. */
  path: string;
  readOnly: boolean;
  /** A block device, for `volumeDevices`. */
  isDevice?: true;
}

/** By the volume's name in the pod. */
export type MountedVolumes = ReadonlyMap<string, MountedVolume>;

export interface VolumeFailure {
  volume: string;
  /** Why; of a claim that is not in order, as `error processing PVC …`. */
  message: string;
  /** What the event about it says; absent: the claim is not in order, which one event tells of all volumes. */
  event?: string;
  /** The event's. */
  reason: 'FailedMount' | 'FailedMapVolume';
}

export interface VolumeManagerOptions {
  folders: PodFolders;
  client: Client;
  clock: Clock;
  mounter: HostMounter;
}

export class VolumeManager {
  readonly #options: VolumeManagerOptions;
  /** Uids of the pods that have volumes for one pod, by the volume's name. */
  readonly #holders = new Map<string, string>();
  /** Volumes that were given to their pod's group, by the pod's uid. */
  readonly #owned = new Map<string, Set<string>>();
  /** Devices' last mounts: two pods do not make a file system on one device at once. */
  readonly #devices = new Map<string, Promise<void>>();

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
  }

  /** Repeatable: volumes that are there are brought up to date. All are tried, whichever fail. */
  async setUp(pod: Pod, sources: VolumeSources): Promise<{ mounted: MountedVolumes; failures: VolumeFailure[] }> {
    const mounted = new Map<string, MountedVolume>();
    const failures: VolumeFailure[] = [];
    await Promise.all(
      (pod.spec.volumes ?? []).map(async (volume) => {
        try {
          mounted.set(volume.name, await this.#setUpOne(pod, volume, sources));
        } catch (error) {
          failures.push(failureOf(volume.name, error as Error));
        }
      }),
    );
    return { mounted, failures };
  }

  /** Removes everything of the pod but its logs. Repeatable. */
  async tearDown(uid: string): Promise<void> {
    const { folders, mounter } = this.#options;
    this.#owned.delete(uid);
    for (const [name, holder] of this.#holders) if (holder === uid) this.#holders.delete(name);
    for (const folder of new Set([podFolder(folders, uid), join(folders.secretFolder, uid)])) {
      await mounter.unmountBelow(folder);
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** UIDs of pods that have files here. */
  async podUids(): Promise<string[]> {
    const { folder, secretFolder } = this.#options.folders;
    const lists = await Promise.all([folder, secretFolder].map((path) => readdir(path).catch(() => [] as string[])));
    return [...new Set(lists.flat())].filter((name) => !name.startsWith('.'));
  }

  async #setUpOne(pod: Pod, volume: Volume, sources: VolumeSources): Promise<MountedVolume> {
    const { folders, clock, mounter } = this.#options;
    const plugin = pluginOf(volume);
    if (plugin === undefined) throw new VolumeError(`no volume plugin matched name: ${volume.name}`);
    const readOnly = isAlwaysReadOnly(plugin);
    if (volume.hostPath !== undefined) return { path: await setUpHostPath(volume.hostPath), readOnly };
    if (plugin === 'kubernetes.io/persistent-claim') return this.#setUpClaim(pod, volume);
    const folder = volumeFolder(folders, pod.metadata.uid ?? '', { plugin, name: volume.name });
    const group = pod.spec.securityContext?.fsGroup;
    if (volume.emptyDir !== undefined) {
      return { path: await setUpEmptyDir({ folder, source: volume.emptyDir, group, mounter }), readOnly };
    }
    const payload = await payloadOf(pod, volume, sources);
    if (payload === undefined) throw new VolumeError(`no volume plugin matched name: ${volume.name}`);
    writeAtomically(folder, payload, { group, nowMs: clock.now() });
    return { path: folder, readOnly };
  }

  /** The pod's group gets the files once in the pod's life: they may be many. */
  async #setUpClaim(pod: Pod, volume: Volume): Promise<MountedVolume> {
    const found = await setUpClaim(this.#options.client, pod, volume);
    const { uid = '' } = pod.metadata;
    if (found.isForOnePod) this.#hold(found.name, uid);
    if (found.kind === 'device') return { path: found.path, readOnly: found.readOnly, isDevice: true };
    const bound = found.kind === 'folder' ? found : { ...found, path: await this.#mountDevice(uid, found) };
    const owned = this.#owned.get(uid) ?? new Set<string>();
    if (!owned.has(volume.name)) await giveToGroup(pod, bound);
    this.#owned.set(uid, owned.add(volume.name));
    return { path: bound.path, readOnly: bound.readOnly };
  }

  /**
   * In a folder of the pod, so that it goes with the pod: the kernel knows that two mounts of a device are one file
   * system. Resolves to the folder.
   */
  async #mountDevice(uid: string, { name, path: device, fsType, mountOptions }: BoundVolume): Promise<string> {
    const { folders, mounter } = this.#options;
    const folder = volumeFolder(folders, uid, { plugin: 'kubernetes.io/local-volume', name });
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const mount = async (): Promise<void> => mounter.mountDevice(folder, { device, fsType, options: mountOptions });
    const mounting = (this.#devices.get(device) ?? Promise.resolve()).catch(() => undefined).then(mount);
    this.#devices.set(device, mounting);
    try {
      await mounting;
    } catch (error) {
      throw new NamedVolumeError(name, MOUNT_DEVICE_FAILED, (error as Error).message);
    }
    return folder;
  }

  /** The scheduler sees to it that there is one; a pod that names its node has not been asked. */
  #hold(name: string, uid: string): void {
    const holder = this.#holders.get(name) ?? uid;
    if (holder !== uid) {
      const message = 'volume uses the ReadWriteOncePod access mode and is already in use by another pod';
      throw new NamedVolumeError(name, SET_UP_FAILED, message);
    }
    this.#holders.set(name, uid);
  }
}

function failureOf(volume: string, error: Error): VolumeFailure {
  const { message } = error;
  if (error instanceof ClaimError) return { volume, message, reason: 'FailedMount' };
  const [name, step] = error instanceof NamedVolumeError ? [error.volumeName, error.step] : [volume, SET_UP_FAILED];
  const reason = step.startsWith('MapVolume') ? 'FailedMapVolume' : 'FailedMount';
  return { volume, message, reason, event: `${step} for volume ${JSON.stringify(name)} : ${message}` };
}
