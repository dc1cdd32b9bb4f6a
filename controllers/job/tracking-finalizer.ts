/** The finalizer that keeps a Job's pod until the Job has counted it. */
import { isNotFound } from '../../api/machinery/errors.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { Client } from '../../client/client.ts';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(TRACKING_FINALIZER) === true;
}

/** A pod that is gone is as good. */
export async function removeTrackingFinalizer(pod: Pod, client: Client): Promise<void> {
  if (!isTracked(pod)) return;
  const name = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name! };
  const body = { metadata: { '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } };
  try {
    await client.patch<Pod>(pods, name, { type: 'strategic', body });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
