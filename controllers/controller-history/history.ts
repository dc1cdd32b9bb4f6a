/** Acting on a workload's ControllerRevisions: claiming, making, renumbering, forgetting (upstream `realHistory`). */
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import { controllerRevisions } from '../../api/apps/v1/controller-revision.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import type { SelectingOwner } from '../claim-pods.ts';
import { claimObjects } from '../../client/adopt.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { sortRevisions } from './revisions.ts';

/** The workload's revisions in their order, after adopting those without a controller that match its selector. */
export async function claimRevisions(
  owner: SelectingOwner,
  ownerResource: ResourceRef,
  context: ControllerContext,
): Promise<ControllerRevision[]> {
  const claimed = await claimObjects<ControllerRevision>({
    owner,
    ownerResource,
    selector: selectorFromObject(owner.spec.selector),
    candidates: context
      .lister<ControllerRevision>(controllerRevisions)
      .list({ namespace: owner.metadata.namespace ?? '' }),
    resource: controllerRevisions,
    client: context.client,
  });
  return sortRevisions(claimed);
}

/** An earlier state has come back: it is the latest again. */
export async function renumberRevision(
  known: ControllerRevision,
  revision: number,
  { client }: ControllerContext,
): Promise<ControllerRevision> {
  if (known.revision === revision) return known;
  return client.update<ControllerRevision>(controllerRevisions, { ...known, revision });
}

export async function deleteRevisions(
  revisions: readonly ControllerRevision[],
  { client }: ControllerContext,
): Promise<void> {
  for (const { metadata } of revisions) {
    try {
      await client.delete(controllerRevisions, { namespace: metadata.namespace ?? '', name: metadata.name! });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
