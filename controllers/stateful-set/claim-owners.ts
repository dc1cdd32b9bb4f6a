/**
 * Who owns the claims of a StatefulSet's pods, so that garbage collection removes them when the retention policy says
 * so: nobody, the set, or the pod that goes (upstream `stateful_set_utils.go`, `isClaimOwnerUpToDate`). Pure.
 */
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import { statefulSets } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { ApiObject, OwnerReference } from '../../api/machinery/meta.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { ResourceRef } from '../../client/client.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { isInRange, ordinalOf } from './identity.ts';

/** The pod as far as it is known: one that is still to be made has no uid. */
export interface ClaimUsers {
  set: StatefulSet;
  pod: Pod;
}

/** The references that the claim ought to have; undefined when those it has are right, or not ours to touch. */
export function neededOwners(claim: ApiObject, users: ClaimUsers): OwnerReference[] | undefined {
  const { set, pod } = users;
  const references = claim.metadata.ownerReferences ?? [];
  // Of an earlier set or pod of the name: garbage collection is about to take the claim.
  if (isStaleFor(claim, set, statefulSets) || isStaleFor(claim, pod, pods)) return undefined;
  const others = references.filter((one) => !isNamed(one, set, statefulSets) && !isNamed(one, pod, pods));
  const ours = hasOtherController(claim, users) ? [] : wantedOwners(users);
  const isRight =
    references.length - others.length === ours.length &&
    ours.every(({ uid }) => references.some((one) => one.uid === uid && one.controller === true));
  return isRight ? undefined : [...others, ...ours];
}

/** Somebody else controls the claim, so that the retention policy cannot hold for it. */
export function hasOtherController(claim: ApiObject, { set, pod }: ClaimUsers): boolean {
  if (policyOf(set, 'whenScaled') === 'Retain' && policyOf(set, 'whenDeleted') === 'Retain') return false;
  return (claim.metadata.ownerReferences ?? []).some(
    (one) => one.controller === true && !isNamed(one, set, statefulSets) && !isNamed(one, pod, pods),
  );
}

/** Its owner is an earlier pod of the name; the claim goes with that one (`PodClaimIsStale`). */
export function isStaleClaim(claim: ApiObject, { set, pod }: ClaimUsers): boolean {
  return policyOf(set, 'whenScaled') === 'Delete' && isStaleFor(claim, pod, pods);
}

/** A pod that the set no longer wants takes its claims with it; those of the others go with the set. */
function wantedOwners({ set, pod }: ClaimUsers): OwnerReference[] {
  const isCondemned = !isInRange(set, ordinalOf(pod));
  if (isCondemned && policyOf(set, 'whenScaled') === 'Delete')
    return pod.metadata.uid === undefined ? [] : [newControllerRef(pod, pods)];
  return policyOf(set, 'whenDeleted') === 'Delete' ? [newControllerRef(set, statefulSets)] : [];
}

function policyOf({ spec }: StatefulSet, event: 'whenDeleted' | 'whenScaled'): string {
  return spec.persistentVolumeClaimRetentionPolicy?.[event] ?? 'Retain';
}

function isStaleFor(claim: ApiObject, owner: ApiObject, resource: ResourceRef): boolean {
  const reference = claim.metadata.ownerReferences?.find((one) => isNamed(one, owner, resource));
  return reference !== undefined && reference.uid !== owner.metadata.uid;
}

function isNamed(reference: OwnerReference, { metadata }: ApiObject, resource: ResourceRef): boolean {
  return (
    reference.apiVersion === apiVersionOf(resource) &&
    reference.kind === resource.names.kind &&
    reference.name === metadata.name
  );
}
