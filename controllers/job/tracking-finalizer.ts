/** The finalizer that keeps a Job's pod until the Job has counted it. */
import { isNotFound } from '../../api/machinery/errors.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { Client } from '../../client/client.ts';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(TRACKING_FINALIZER) === true;
}

/** A pod that is gone is as good. `isStill`: a conflict is thrown when the pod is not what it was. */
export async function removeTrackingFinalizer(
  pod: Pod,
  client: Client,
  { isStill = false }: { isStill?: boolean } = {},
): Promise<void> {
  if (!isTracked(pod)) return;
  const { namespace = '', name = '', resourceVersion } = pod.metadata;
  const unchanged = isStill ? { resourceVersion } : {};
  const body = { metadata: { ...unchanged, '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } };
  try {
    await client.patch<Pod>(pods, { namespace, name }, { type: 'strategic', body });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
