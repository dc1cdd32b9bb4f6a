/** Acting on the claims of a StatefulSet's pods (upstream `pkg/controller/statefulset/stateful_pod_control.go`). */
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isAlreadyExists } from '../../api/machinery/errors.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { hasOtherController, isStaleClaim, neededOwners } from './claim-owners.ts';
import { claimName, claimsOf, claimTemplates, ordinalOf, podName } from './identity.ts';
import type { ClaimView } from './plan.ts';

type Cache = Pick<ControllerContext, 'lister'>;

export function claimView(set: StatefulSet, cache: Cache): ClaimView {
  return {
    isStale(ordinal) {
      const pod = { metadata: { name: podName(set, ordinal) } } as Pod;
      return existingClaims(set, pod, cache).some((claim) => isStaleClaim(claim, { set, pod }));
    },
    areComplete(pod) {
      const claims = existingClaims(set, pod, cache);
      if (claims.length < claimTemplates(set).length) return false;
      return claims.every((claim) => neededOwners(claim, { set, pod }) === undefined);
    },
    areOwnedRightly: (pod) =>
      existingClaims(set, pod, cache).every((claim) => neededOwners(claim, { set, pod }) === undefined),
  };
}

function existingClaims(set: StatefulSet, pod: Pod, { lister }: Cache): PersistentVolumeClaim[] {
  return claimTemplates(set).flatMap(
    (template) =>
      lister<PersistentVolumeClaim>(persistentVolumeClaims).get(
        set.metadata.namespace ?? '',
        claimName(set, template, ordinalOf(pod)),
      ) ?? [],
  );
}

/** Makes the claims that are missing. Each is tried; the failures are told together. */
export async function createClaims(set: StatefulSet, pod: Pod, context: ControllerContext): Promise<void> {
  const failures: string[] = [];
  const { metadata } = set;
  for (const claim of claimsOf(set, ordinalOf(pod))) {
    const { namespace = '', name = '' } = claim.metadata;
    const existing = context.lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
    if (existing !== undefined) {
      if (existing.metadata.deletionTimestamp !== undefined) failures.push(`pvc ${name} is being deleted`);
      continue;
    }
    const what = `Pod ${pod.metadata.name} in StatefulSet ${metadata.name}`;
    const ownerReferences = neededOwners(claim, { set, pod }) ?? [];
    try {
      await context.client.create<PersistentVolumeClaim>(persistentVolumeClaims, {
        ...claim,
        metadata: { ...claim.metadata, ...(ownerReferences.length === 0 ? {} : { ownerReferences }) },
      });
      context.events.event(set, 'Normal', 'SuccessfulCreate', `create Claim ${name} ${what} success`);
    } catch (error) {
      const { message } = error as Error;
      failures.push(`failed to create PVC ${name}: ${message}`);
      if (isAlreadyExists(error)) continue;
      context.events.event(set, 'Warning', 'FailedCreate', `create Claim ${name} for ${what} failed error: ${message}`);
    }
  }
  if (failures.length === 1) throw new Error(failures[0]);
  if (failures.length > 1) throw new Error(`[${failures.join(', ')}]`);
}

/** Gives the claims the owners that the retention policy asks for. */
export async function handOverClaims(set: StatefulSet, pod: Pod, context: ControllerContext): Promise<void> {
  for (const claim of existingClaims(set, pod, context)) {
    const { name } = claim.metadata;
    if (hasOtherController(claim, { set, pod })) {
      // Spelt as upstream spells it.
      const message =
        `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, ` +
        'the retention policy is ignored for this claim';
      context.events.event(set, 'Warning', 'ConflictingController', message);
    }
    const ownerReferences = neededOwners(claim, { set, pod });
    if (ownerReferences === undefined) continue;
    try {
      await context.client.update<PersistentVolumeClaim>(persistentVolumeClaims, {
        ...claim,
        metadata: { ...claim.metadata, ownerReferences },
      });
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`could not update claim ${name} for delete policy ownerRefs: ${message}`, { cause: error });
    }
  }
}
