/**
 * Making and deleting pods on behalf of a controller, with the events that tell of it on the controller
 * (upstream `pkg/controller/controller_utils.go` RealPodControl).
 */
import type { Pod, PodTemplateSpec } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { ResourceRef } from '../client/client.ts';
import type { ControllerContext } from '../client/controller.ts';
import { isNamespaceTerminating } from '../client/controller-runner.ts';
import { newControllerRef } from '../client/owner-references.ts';

const MAX_NAME_LENGTH = 253;

/** A pod of the template, controlled by `owner`, which is of the kind `resource`; its name is the server's to make. */
export function podFromTemplate(template: PodTemplateSpec, owner: ApiObject, resource: ResourceRef): Pod {
  const { metadata, spec } = template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: podPrefix(owner.metadata.name!),
      namespace: owner.metadata.namespace ?? '',
      ...(metadata?.labels === undefined ? {} : { labels: { ...metadata.labels } }),
      ...(metadata?.annotations === undefined ? {} : { annotations: { ...metadata.annotations } }),
      ...(metadata?.finalizers === undefined ? {} : { finalizers: [...metadata.finalizers] }),
      ownerReferences: [newControllerRef(owner, resource)],
    },
    spec: spec as Pod['spec'],
  };
}

/** `<owner>-`, or the bare name where the dash would make it too long (`getPodsPrefix`). */
export function podPrefix(owner: string): string {
  return owner.length < MAX_NAME_LENGTH ? `${owner}-` : owner;
}

type Acting = Pick<ControllerContext, 'client' | 'events'>;

/** A failure is told on the owner, unless its namespace is going: there nothing can be created any more. */
export async function createPod(pod: Pod, owner: ApiObject, { client, events }: Acting): Promise<Pod> {
  try {
    const created = await client.create<Pod>(pods, pod);
    events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    return created;
  } catch (error) {
    if (!isNamespaceTerminating(error))
      events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    throw error;
  }
}

/** Deletes this very pod, not another of its name. One that is gone already is no failure, and no event. */
export async function deletePod({ metadata }: Pod, owner: ApiObject, { client, events }: Acting): Promise<void> {
  const name = { namespace: metadata.namespace ?? '', name: metadata.name! };
  try {
    await client.delete(pods, name, { preconditions: { uid: metadata.uid! } });
    events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${metadata.name}`);
  } catch (error) {
    if (isNotFound(error)) return;
    events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
    throw error;
  }
}
