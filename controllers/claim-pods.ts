/** The pods of a controller that selects them: adopted and released as their labels change. */
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { selectorFromObject } from '../api/machinery/label-selector.ts';
import type { ApiObject, LabelSelector } from '../api/machinery/meta.ts';
import { claimObjects } from '../client/adopt.ts';
import type { ResourceRef } from '../client/client.ts';
import type { CacheReader, ControllerContext } from '../client/controller.ts';
import { ownedOrOrphaned } from './pods.ts';

export type SelectingOwner = ApiObject & { spec: { selector: LabelSelector } };

export interface PodClaimOptions {
  /** The owner's. */
  resource: ResourceRef;
  /** A further condition for pods to be the owner's, beside its selector. */
  filter?(pod: Pod): boolean;
  /** Other pods are left as they are, neither adopted nor released. */
  isCandidate?(pod: Pod): boolean;
}

/** The controller declares `ORPHANS_BY_NAMESPACE`. */
export function claimPods(
  owner: SelectingOwner,
  { resource, filter, isCandidate = () => true }: PodClaimOptions,
  context: CacheReader & Pick<ControllerContext, 'client'>,
): Promise<Pod[]> {
  return claimObjects<Pod>({
    owner,
    ownerResource: resource,
    selector: selectorFromObject(owner.spec.selector),
    candidates: ownedOrOrphaned(owner, context).filter(isCandidate),
    resource: pods,
    client: context.client,
    ...(filter === undefined ? {} : { filter }),
  });
}
