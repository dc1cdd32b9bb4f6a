/** Acting on a Deployment's ReplicaSets: claiming, creating the one of the present template, resizing, cleaning up. */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import { deployments } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicaSets } from '../../api/apps/v1/replica-set.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/errors.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import { claimObjects } from '../../client/adopt.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { isNamespaceTerminating } from '../../client/controller-runner.ts';
import { isControlledBy, newControllerRef } from '../../client/owner-references.ts';
import {
  isSameAnnotations,
  maxRevision,
  newSetAnnotations,
  replicaAnnotations,
  revisionOf,
  REVISION,
} from './annotations.ts';
import { replicasOf } from './bounds.ts';
import { newSetReplicas } from './scaling.ts';
import type { ConditionInit } from './status.ts';
import { conditionOf, hasProgressDeadline, withCondition } from './status.ts';
import { byAge, findNewReplicaSet, isSameTemplate, TEMPLATE_HASH_LABEL, templateHash } from './template.ts';

export async function claimReplicaSets(deployment: Deployment, context: ControllerContext): Promise<ReplicaSet[]> {
  return claimObjects<ReplicaSet>({
    owner: deployment,
    ownerResource: deployments,
    selector: selectorFromObject(deployment.spec.selector),
    candidates: context.lister<ReplicaSet>(replicaSets).list({ namespace: deployment.metadata.namespace ?? '' }),
    resource: replicaSets,
    client: context.client,
  });
}

export interface Rollout {
  /** Possibly with a new revision annotation and condition. */
  deployment: Deployment;
  newSet: ReplicaSet | undefined;
  oldSets: ReplicaSet[];
}

/** The new set, brought up to date or created, and the others; revisions follow (`getAllReplicaSetsAndSyncRevision`). */
export async function syncRevision(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  context: ControllerContext & { create: boolean },
): Promise<Rollout> {
  const existing = findNewReplicaSet(deployment, sets);
  const oldSets = sets.filter((set) => set.metadata.uid !== existing?.metadata.uid);
  const revision = maxRevision(oldSets) + 1n;
  if (existing !== undefined) return adoptRevision(deployment, { existing, oldSets, revision }, context);
  if (!context.create) return { deployment, newSet: undefined, oldSets };
  return createNewSet(deployment, { oldSets, revision }, context);
}

async function adoptRevision(
  deployment: Deployment,
  { existing, oldSets, revision }: { existing: ReplicaSet; oldSets: ReplicaSet[]; revision: bigint },
  context: ControllerContext,
): Promise<Rollout> {
  const annotations = newSetAnnotations(deployment, existing, { revision, exists: true });
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  let newSet = existing;
  if (
    !isSameAnnotations(existing.metadata.annotations, annotations) ||
    (existing.spec.minReadySeconds ?? 0) !== minReadySeconds
  ) {
    const { minReadySeconds: _, ...spec } = existing.spec;
    newSet = await context.client.update<ReplicaSet>(replicaSets, {
      ...existing,
      metadata: { ...existing.metadata, annotations },
      spec: minReadySeconds === 0 ? spec : { ...spec, minReadySeconds },
    });
  }
  const found: ConditionInit = {
    type: 'Progressing',
    status: 'True',
    reason: 'FoundNewReplicaSet',
    message: `Found new replica set ${JSON.stringify(newSet.metadata.name)}`,
  };
  const needsCondition = hasProgressDeadline(deployment) && conditionOf(deployment.status, 'Progressing') === undefined;
  const updated = await recordRevision(
    deployment,
    { revision: revisionOf(newSet), condition: needsCondition ? found : undefined },
    context,
  );
  return { deployment: updated, newSet, oldSets };
}

/** The set for the present template, empty of history. */
export function newReplicaSet(
  deployment: Deployment,
  { oldSets, revision }: { oldSets: readonly ReplicaSet[]; revision: bigint },
): ReplicaSet {
  const hash = templateHash(deployment.spec.template, deployment.status?.collisionCount);
  const { metadata, ...template } = deployment.spec.template;
  const labels = { ...metadata?.labels, [TEMPLATE_HASH_LABEL]: hash };
  const { selector, minReadySeconds = 0 } = deployment.spec;
  const set: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      ownerReferences: [newControllerRef(deployment, deployments)],
    },
    spec: {
      replicas: newSetReplicas(deployment, 0, oldSets),
      ...(minReadySeconds === 0 ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [TEMPLATE_HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...metadata, labels } },
    },
  };
  return {
    ...set,
    metadata: { ...set.metadata, annotations: newSetAnnotations(deployment, set, { revision, exists: false }) },
  };
}

async function createNewSet(
  deployment: Deployment,
  { oldSets, revision }: { oldSets: ReplicaSet[]; revision: bigint },
  context: ControllerContext,
): Promise<Rollout> {
  const wanted = newReplicaSet(deployment, { oldSets, revision });
  const { set: created, isNew } = await createOrFind(deployment, wanted, context);
  const { name } = created.metadata;
  if (isNew && replicasOf(created) > 0)
    scalingEvent(deployment, context, `Scaled up replica set ${name} from 0 to ${replicasOf(created)}`);
  const condition: ConditionInit = {
    type: 'Progressing',
    status: 'True',
    reason: 'NewReplicaSetCreated',
    message: `Created new replica set ${JSON.stringify(name)}`,
  };
  const updated = await recordRevision(
    deployment,
    { revision, condition: isNew && hasProgressDeadline(deployment) ? condition : undefined },
    context,
  );
  return { deployment: updated, newSet: created, oldSets };
}

async function createOrFind(
  deployment: Deployment,
  wanted: ReplicaSet,
  context: ControllerContext,
): Promise<{ set: ReplicaSet; isNew: boolean }> {
  try {
    return { set: await context.client.create<ReplicaSet>(replicaSets, wanted), isNew: true };
  } catch (error) {
    if (isAlreadyExists(error))
      return { set: await findCollision(deployment, wanted, { error, context }), isNew: false };
    // Nothing can be created there any more: no failure of the deployment's.
    if (isNamespaceTerminating(error)) throw error;
    const message = `Failed to create new replica set ${JSON.stringify(wanted.metadata.name)}: ${(error as Error).message}`;
    if (hasProgressDeadline(deployment)) {
      await recordRevision(
        deployment,
        {
          revision: revisionOf(deployment),
          condition: { type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError', message },
        },
        context,
      );
    }
    context.events.event(deployment, 'Warning', 'ReplicaSetCreateError', message);
    throw error;
  }
}

/** Ours from an earlier try, or a hash collision: then the next try hashes with another count. */
async function findCollision(
  deployment: Deployment,
  wanted: ReplicaSet,
  { error, context }: { error: Error; context: ControllerContext },
): Promise<ReplicaSet> {
  const name = { namespace: wanted.metadata.namespace ?? '', name: wanted.metadata.name! };
  const found = await context.client.get<ReplicaSet>(replicaSets, name);
  if (isControlledBy(found, deployment) && isSameTemplate(found.spec.template, deployment.spec.template)) return found;
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  await context.client.update<Deployment>(
    deployments,
    { ...deployment, status: { ...deployment.status, collisionCount } },
    { subresource: 'status' },
  );
  throw error;
}

/** Written through `/status`, annotation and all: what the controller notes is no new generation. */
async function recordRevision(
  deployment: Deployment,
  { revision, condition }: { revision: bigint; condition: ConditionInit | undefined },
  context: ControllerContext,
): Promise<Deployment> {
  const next: Deployment = { ...deployment, metadata: { ...deployment.metadata }, status: { ...deployment.status } };
  const isNewRevision = revision > 0n && revisionOf(deployment) !== revision;
  if (!isNewRevision && condition === undefined) return deployment;
  if (isNewRevision) next.metadata.annotations = { ...deployment.metadata.annotations, [REVISION]: String(revision) };
  if (condition !== undefined)
    next.status!.conditions = withCondition(deployment.status?.conditions ?? [], condition, context.now());
  return context.client.update<Deployment>(deployments, next, { subresource: 'status' });
}

function scalingEvent(deployment: Deployment, context: ControllerContext, message: string): void {
  context.events.event(deployment, 'Normal', 'ScalingReplicaSet', message);
}

/** Writes a set's size and what it was sized for; nothing when both are right already. */
export async function resizeSet(
  deployment: Deployment,
  { set, replicas }: { set: ReplicaSet; replicas: number },
  context: ControllerContext,
): Promise<boolean> {
  const before = replicasOf(set);
  const annotations = { ...set.metadata.annotations, ...replicaAnnotations(deployment) };
  if (before === replicas && isSameAnnotations(annotations, set.metadata.annotations)) return false;
  await context.client.update<ReplicaSet>(replicaSets, {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { ...set.spec, replicas },
  });
  if (before === replicas) return false;
  scalingEvent(
    deployment,
    context,
    `Scaled ${before < replicas ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${replicas}`,
  );
  return true;
}

/** Old, empty sets beyond `revisionHistoryLimit`, the oldest first (`cleanupDeployment`). */
export function setsBeyondHistory(deployment: Deployment, oldSets: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined) return [];
  const alive = oldSets.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const surplus = alive.length - limit;
  if (surplus <= 0) return [];
  const byRevision = [...alive].sort((a, b) => compareRevisions(revisionOf(a), revisionOf(b)) || byAge(a, b));
  const isEmpty = (set: ReplicaSet): boolean =>
    (set.status?.replicas ?? 0) === 0 &&
    replicasOf(set) === 0 &&
    (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
  return byRevision.slice(0, surplus).filter(isEmpty);
}

export async function deleteSets(sets: readonly ReplicaSet[], context: ControllerContext): Promise<void> {
  for (const { metadata } of sets) {
    try {
      await context.client.delete(replicaSets, { namespace: metadata.namespace ?? '', name: metadata.name! });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function compareRevisions(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
