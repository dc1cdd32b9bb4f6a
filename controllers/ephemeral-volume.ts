/**
 * Makes the claims of pods' ephemeral volumes; each is its pod's own and goes with it
 * (upstream `pkg/controller/volume/ephemeral/controller.go`).
 */
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Volume } from '../api/core/v1/pod/types.ts';
import type { ControllerContext } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { isControlledBy, newControllerRef } from '../client/owner-references.ts';

export const ephemeralVolumeController = defineController<Pod>({
  name: 'ephemeral-volume-controller',
  component: 'ephemeral_volume',
  for: pods,
  concerns: (pod) => (pod as Pod).spec.volumes?.some(({ ephemeral }) => ephemeral !== undefined) === true,
  // A claim that somebody deletes is made again.
  owns: [persistentVolumeClaims],
  writes: [persistentVolumeClaims],
  async reconcile({ namespace, name }, context) {
    const pod = context.lister<Pod>(pods).get(namespace, name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
    for (const volume of pod.spec.volumes ?? []) if (volume.ephemeral) await ensureClaim(pod, volume, context);
    return undefined;
  },
});

/** Throws, so that it is tried again, when the claim cannot be had. */
async function ensureClaim(pod: Pod, volume: Volume, context: ControllerContext): Promise<void> {
  try {
    const { namespace = '' } = pod.metadata;
    const wanted = claimOf(pod, volume);
    const known = context.lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, wanted.metadata.name!);
    if (known === undefined) {
      await context.client.create<PersistentVolumeClaim>(persistentVolumeClaims, wanted);
      return;
    }
    if (isControlledBy(known, pod)) return;
    const podName = `${namespace}/${pod.metadata.name}`;
    throw new Error(`PVC ${namespace}/${wanted.metadata.name} was not created for pod ${podName} (pod is not owner)`);
  } catch (error) {
    const about = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
    const message = `ephemeral volume ${volume.name}: ${(error as Error).message}`;
    context.events.event(about, 'Warning', 'FailedBinding', message);
    throw error;
  }
}

/** `<pod>-<volume>`, as the template says, and the pod's own. */
export function claimOf(pod: Pod, { name, ephemeral }: Volume): PersistentVolumeClaim {
  const { metadata = {}, spec } = ephemeral?.volumeClaimTemplate ?? {};
  const { labels, annotations } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${pod.metadata.name}-${name}`,
      namespace: pod.metadata.namespace ?? '',
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [newControllerRef(pod, pods)],
    },
    spec: spec ?? {},
  };
}
