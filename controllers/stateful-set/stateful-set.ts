/** StatefulSet: pods with names and claims of their own, in order (upstream `pkg/controller/statefulset`). */
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import { controllerRevisions } from '../../api/apps/v1/controller-revision.ts';
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import { statefulSets } from '../../api/apps/v1/stateful-set.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { CacheReader, ControllerContext } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { requeueForAvailability } from '../availability.ts';
import { claimPods } from '../claim-pods.ts';
import { claimRevisions, deleteRevisions } from '../controller-history/history.ts';
import { revisionsBeyondHistory } from '../controller-history/revisions.ts';
import { isAdoptabilityChange, ORPHANS_BY_NAMESPACE } from '../pods.ts';
import { watchRevisions } from '../controller-history/watch.ts';
import { carryOut } from './act.ts';
import { claimView } from './claims.ts';
import { claimTemplates, isMemberOf, parsePodName, podRevision } from './identity.ts';
import { planStatefulSet } from './plan.ts';
import type { Revisions } from './revisions.ts';
import { syncRevisions } from './revisions.ts';
import type { StatusInput } from './status.ts';
import { statefulSetStatus } from './status.ts';

export const statefulSetController = defineController<StatefulSet>({
  name: 'statefulset-controller',
  for: statefulSets,
  owns: [pods],
  watches: [
    { resource: pods, isRelevant: isAdoptabilityChange, map: setOfName },
    watchRevisions(statefulSets),
    // A claim that goes makes room for the next one of its name.
    { resource: persistentVolumeClaims, map: setsOfClaim, isRelevant: hasOtherOwners },
  ],
  writes: [statefulSets, pods, controllerRevisions, persistentVolumeClaims],
  indexes: [ORPHANS_BY_NAMESPACE],
  workers: 5,
  async reconcile({ namespace, name }, context) {
    // Observe
    const set = context.lister<StatefulSet>(statefulSets).get(namespace, name);
    if (set === undefined || selectorFromObject(set.spec.selector).requirements.length === 0) return undefined;
    const known = await claimRevisions(set, statefulSets, context);
    const owned = await claimPods(set, { resource: statefulSets, filter: (pod) => isMemberOf(set, pod) }, context);
    if (set.metadata.deletionTimestamp !== undefined) return reportDeletion(set, owned, context);

    // Decide
    const revisions = await syncRevisions(set, known, context);
    const updateRevision = revisions.update.metadata.name!;
    const nowMs = context.now();
    const plan = planStatefulSet(set, owned, { updateRevision, claims: claimView(set, context), nowMs });

    // Act
    const { failure, replaced } = await carryOut(set, { plan, revisions }, context);

    // Report
    const { current, collisionCount } = revisions;
    const about = { currentRevision: current.metadata.name!, updateRevision, collisionCount, replaced, nowMs };
    await writeStatus(set, { pods: owned, about }, context);
    await deleteRevisions(forgettable(set, { known, revisions, pods: owned }), context);
    if (failure !== undefined) throw failure;
    return requeueForAvailability(owned, { minReadySeconds: set.spec.minReadySeconds, nowMs });
  },
});

/** Nothing is made any more for a set that goes, no revision either: its status still tells how many pods there are. */
async function reportDeletion(set: StatefulSet, owned: readonly Pod[], context: ControllerContext): Promise<undefined> {
  const { currentRevision = '', updateRevision = '', collisionCount = 0 } = set.status ?? {};
  const about = { currentRevision, updateRevision, collisionCount, replaced: [], nowMs: context.now() };
  await writeStatus(set, { pods: owned, about }, context);
}

async function writeStatus(
  set: StatefulSet,
  { pods: owned, about }: { pods: readonly Pod[]; about: StatusInput },
  context: ControllerContext,
): Promise<void> {
  const status = statefulSetStatus(set, owned, about);
  if (deepEqual(status, set.status)) return;
  await context.client.update<StatefulSet>(statefulSets, { ...set, status }, { subresource: 'status' });
}

/** Revisions that no pod is of, beyond `revisionHistoryLimit`. */
function forgettable(
  { spec }: StatefulSet,
  { known, revisions, pods: owned }: { known: ControllerRevision[]; revisions: Revisions; pods: readonly Pod[] },
): ControllerRevision[] {
  const { current, update } = revisions;
  const live = new Set([current.metadata.name!, update.metadata.name!, ...owned.map(podRevision)]);
  return revisionsBeyondHistory(known, { limit: spec.revisionHistoryLimit ?? 10, live });
}

/** The set that the pod's name makes it a member of: it may adopt the pod, or the pod stands in its way. */
function setOfName({ metadata: { namespace = '', name = '' } }: ApiObject, cache: CacheReader): string[] {
  const parent = parsePodName(name)?.parent;
  const set = parent === undefined ? undefined : cache.lister<StatefulSet>(statefulSets).get(namespace, parent);
  return set === undefined ? [] : [keyOf(set)];
}

/** `<template>-<set>-<ordinal>`: every way to read that is tried. */
function setsOfClaim({ metadata }: ApiObject, cache: CacheReader): string[] {
  const parent = parsePodName(metadata.name ?? '')?.parent;
  if (parent === undefined) return [];
  return cache
    .lister<StatefulSet>(statefulSets)
    .list({ namespace: metadata.namespace ?? '' })
    .filter((set) => claimTemplates(set).some((claim) => `${claim.metadata.name}-${set.metadata.name}` === parent))
    .map(keyOf);
}

function hasOtherOwners(claim: ApiObject, previous: ApiObject): boolean {
  return (
    claim.metadata.uid !== previous.metadata.uid ||
    !deepEqual(claim.metadata.ownerReferences, previous.metadata.ownerReferences)
  );
}
