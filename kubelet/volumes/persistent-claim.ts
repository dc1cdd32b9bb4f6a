/** Volumes of claims: those whose PersistentVolume is a folder of this node (`hostPath`, `local`). */
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { Pod, Volume } from '../../api/core/v1/pod/types.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { ApiObject, WireObject } from '../../api/machinery/meta.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { setUpHostPath } from './host-path.ts';
import { VolumeError } from './payloads.ts';

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

/** Returns the path to mount, and whether the claim's volume is read-only. Throws `VolumeError`. */
export async function setUpClaim(
  client: Client,
  pod: Pod,
  volume: Volume,
): Promise<{ path: string; readOnly: boolean }> {
  const volumeName = await boundVolumeName(client, pod, volume);
  const bound = await find<PersistentVolume>(client, persistentVolumes, { name: volumeName });
  if (bound === undefined) throw new VolumeError(`persistentvolume ${JSON.stringify(volumeName)} not found`);
  const { hostPath, local } = bound.spec ?? {};
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  if (hostPath !== undefined) return { path: await setUpHostPath(hostPath), readOnly };
  if (local !== undefined) return { path: await setUpHostPath({ path: local.path, type: 'Directory' }), readOnly };
  throw new VolumeError(`no volume plugin matched name: ${volumeName}`);
}

async function boundVolumeName(client: Client, pod: Pod, volume: Volume): Promise<string> {
  const { namespace = '', name: podName, uid } = pod.metadata;
  const name = volume.persistentVolumeClaim?.claimName ?? `${podName}-${volume.name}`;
  const claim = await find<Claim>(client, claims, { namespace, name });
  if (claim === undefined) throw new VolumeError(`persistentvolumeclaim ${JSON.stringify(name)} not found`);
  const isOwned = claim.metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
  if (volume.ephemeral !== undefined && !isOwned) {
    throw new VolumeError(
      `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`,
    );
  }
  const volumeName = claim.spec?.volumeName ?? '';
  if (claim.status?.phase !== 'Bound' || volumeName === '') throw new VolumeError('PVC is not bound');
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
