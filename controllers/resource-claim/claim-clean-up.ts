/**
 * Takes reservations of pods that are done off ResourceClaims, gives back what a claim got when nobody uses it any more,
 * and removes claims that were made for pods that are done (`pkg/controller/resourceclaim/controller.go syncClaim`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { ResourceClaim } from '../../api/resource/v1/resource-claim.ts';
import { resourceClaims } from '../../api/resource/v1/resource-claim.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { defineController, TerminalError } from '../../client/controller.ts';
import { controllerOf, refersTo } from '../../client/owner-references.ts';
import { withoutFinalizer } from '../finalizers.ts';
import { claimKeysOf, isPodDone } from './pod-claims.ts';

type Consumer = NonNullable<NonNullable<ResourceClaim['status']>['reservedFor']>[number];

/** `resourceapi.Finalizer`: kept by claims that have got something. */
const FINALIZER = 'resource.kubernetes.io/delete-protection';

export const claimCleanUp = defineController<ResourceClaim>({
  name: 'resource-claim-controller',
  component: 'resource_claim',
  for: resourceClaims,
  watches: [
    {
      resource: pods,
      map: (pod) => claimKeysOf(pod as Pod),
      // Only the end of a pod frees a claim.
      isRelevant: (pod, previous) => isPodDone(pod as Pod) && !isPodDone(previous as Pod),
    },
  ],
  writes: [resourceClaims],
  async reconcile({ namespace, name }, context) {
    const claim = context.lister<ResourceClaim>(resourceClaims).get(namespace, name);
    if (claim === undefined) return undefined;
    const valid = await validConsumers(claim, context);
    await release(claim, valid, context);
    if (valid.length === 0) await deleteIfDone(claim, context);
    return undefined;
  },
});

async function validConsumers(claim: ResourceClaim, context: ControllerContext): Promise<Consumer[]> {
  const valid: Consumer[] = [];
  for (const consumer of claim.status?.reservedFor ?? []) {
    if ((consumer.apiGroup ?? '') !== '' || consumer.resource !== 'pods') {
      throw new TerminalError(`unsupported ReservedFor entry: ${JSON.stringify(consumer)}`);
    }
    const pod = await currentPod(claim.metadata.namespace ?? '', consumer, context);
    if (pod !== undefined && !isPodDone(pod)) valid.push(consumer);
  }
  return valid;
}

/** The cache may be behind: a reservation that the scheduler has just made is not taken away for that. */
async function currentPod(
  namespace: string,
  { name, uid }: Consumer,
  { lister, client }: ControllerContext,
): Promise<Pod | undefined> {
  const known = lister<Pod>(pods).get(namespace, name);
  if (known?.metadata.uid === uid) return known;
  try {
    const current = await client.get<Pod>(pods, { namespace, name });
    return current.metadata.uid === uid ? current : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * A claim loses what it got with its last user, and not before it had one: whoever allocates need not reserve at once.
 * Conflicts are thrown: somebody may have reserved it meanwhile.
 */
async function release(claim: ResourceClaim, valid: readonly Consumer[], { client }: ControllerContext): Promise<void> {
  const isAllocatedHere = claim.metadata.finalizers?.includes(FINALIZER) === true;
  const isFreed = valid.length < (claim.status?.reservedFor ?? []).length;
  const isGoing = claim.metadata.deletionTimestamp !== undefined;
  const isToLose = isAllocatedHere && valid.length === 0 && (isFreed || isGoing);
  let current = claim;
  if (isFreed || (isToLose && claim.status?.allocation !== undefined)) {
    const next = { ...claim, status: statusWith(claim, valid, isToLose) };
    current = await client.update<ResourceClaim>(resourceClaims, next, { subresource: 'status' });
  }
  const next = withoutFinalizer(current, FINALIZER);
  if (isToLose && next !== current) await client.update<ResourceClaim>(resourceClaims, next);
}

function statusWith(
  { status = {} }: ResourceClaim,
  valid: readonly Consumer[],
  isToLose: boolean,
): NonNullable<ResourceClaim['status']> {
  const { reservedFor: _before, allocation, ...others } = status;
  return {
    ...others,
    ...(valid.length === 0 ? {} : { reservedFor: [...valid] }),
    ...(isToLose || allocation === undefined ? {} : { allocation }),
  };
}

/** A pod that is gone, or not known yet, is left to the garbage collector. */
async function deleteIfDone(claim: ResourceClaim, { lister, client }: ControllerContext): Promise<void> {
  const { namespace = '', name = '', uid, deletionTimestamp } = claim.metadata;
  const owner = controllerOf(claim);
  if (owner === undefined || !refersTo(owner, pods) || deletionTimestamp !== undefined) return;
  const pod = lister<Pod>(pods).get(namespace, owner.name);
  if (pod === undefined || (pod.metadata.uid === owner.uid && !isPodDone(pod))) return;
  const options = uid === undefined ? {} : { preconditions: { uid } };
  try {
    await client.delete(resourceClaims, { namespace, name }, options);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
