/** Deployment: moves pods from one template to the next through ReplicaSets (upstream `pkg/controller/deployment`). */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import { deployments } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicaSets } from '../../api/apps/v1/replica-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import type { ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { OWNER_UID_INDEX } from '../../client/store.ts';
import { controllerOf, isControlledBy } from '../../client/owner-references.ts';
import { isPodTerminal } from '../pods.ts';
import { isRollingUpdate, replicasOf, totalStatus } from './bounds.ts';
import type { Rollout } from './replica-sets.ts';
import { claimReplicaSets, deleteSets, resizeSet, setsBeyondHistory, syncRevision } from './replica-sets.ts';
import { activeSets, isScalingEvent, newSetReplicas, oldSetResizes, scaleResizes } from './scaling.ts';
import type { DeploymentStatus } from './status.ts';
import {
  conditionOf,
  hasProgressDeadline,
  isComplete,
  rolloutStatus,
  statusFromSets,
  withCondition,
} from './status.ts';

export const deploymentController = defineController<Deployment>({
  name: 'deployment-controller',
  for: deployments,
  owns: [replicaSets],
  watches: [
    // Recreate waits for the last old pod to be gone.
    { resource: pods, map: (pod, context) => deploymentOfPod(pod as Pod, context) },
    {
      resource: replicaSets,
      map: (set, context) => (controllerOf(set) === undefined ? deploymentsMatching(set as ReplicaSet, context) : []),
    },
  ],
  writes: [deployments, replicaSets],
  workers: 5,
  async reconcile({ namespace, name }, context) {
    // Observe
    const observed = context.lister<Deployment>(deployments).get(namespace, name);
    if (observed === undefined) return undefined;
    if (isEmptySelector(observed)) return selectsEverything(observed, context);
    const sets = await claimReplicaSets(observed, context);
    if (observed.metadata.deletionTimestamp !== undefined) {
      return report(await syncRevision(observed, sets, { ...context, create: false }), context, 'status');
    }
    const deployment = await syncPausedCondition(observed, context);

    // Decide and act
    if (deployment.spec.paused === true || isScalingEvent(deployment, sets)) {
      const rollout = await syncRevision(deployment, sets, { ...context, create: false });
      await scale(rollout, context);
      if (deployment.spec.paused === true) await deleteSets(setsBeyondHistory(deployment, rollout.oldSets), context);
      return report(rollout, context, 'status');
    }
    return isRollingUpdate(deployment) ? rollOver(deployment, sets, context) : recreate(deployment, sets, context);
  },
});

function isEmptySelector({ spec }: Deployment): boolean {
  const { matchLabels, matchExpressions } = spec.selector;
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

async function selectsEverything(deployment: Deployment, context: ControllerContext): Promise<undefined> {
  context.events.event(
    deployment,
    'Warning',
    'SelectingAll',
    'This deployment is selecting all pods. A non-empty selector is required.',
  );
  const { generation } = deployment.metadata;
  if (generation === undefined || (deployment.status?.observedGeneration ?? 0) >= generation) return;
  await context.client.update<Deployment>(
    deployments,
    { ...deployment, status: { ...deployment.status, observedGeneration: generation } },
    { subresource: 'status' },
  );
}

/** One step at a time: up, or down, or nothing left but to clean up (`rolloutRolling`). */
async function rollOver(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  context: ControllerContext,
): Promise<ReconcileResult> {
  const rollout = await syncRevision(deployment, sets, { ...context, create: true });
  const newSet = rollout.newSet!;
  const wanted =
    replicasOf(newSet) > (deployment.spec.replicas ?? 1)
      ? (deployment.spec.replicas ?? 1)
      : newSetReplicas(deployment, replicasOf(newSet), rollout.oldSets);
  if (await resizeSet(deployment, { set: newSet, replicas: wanted }, context))
    return report(rollout, context, 'rollout');
  let scaledDown = false;
  for (const resize of oldSetResizes(deployment, newSet, activeSets(rollout.oldSets))) {
    scaledDown = (await resizeSet(deployment, resize, context)) || scaledDown;
  }
  if (!scaledDown && isComplete(rollout.deployment, rollout.deployment.status ?? {})) {
    await deleteSets(setsBeyondHistory(deployment, rollout.oldSets), context);
  }
  return report(rollout, context, 'rollout');
}

/** All old pods go before the first new one comes (`rolloutRecreate`). */
async function recreate(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  context: ControllerContext,
): Promise<ReconcileResult> {
  const before = await syncRevision(deployment, sets, { ...context, create: false });
  let scaledDown = false;
  for (const set of activeSets(before.oldSets))
    scaledDown = (await resizeSet(deployment, { set, replicas: 0 }, context)) || scaledDown;
  if (scaledDown || hasRunningPods(before, context)) return report(before, context, 'rollout');
  const rollout =
    before.newSet === undefined ? await syncRevision(before.deployment, sets, { ...context, create: true }) : before;
  await resizeSet(deployment, { set: rollout.newSet!, replicas: deployment.spec.replicas ?? 1 }, context);
  if (isComplete(rollout.deployment, rollout.deployment.status ?? {}))
    await deleteSets(setsBeyondHistory(deployment, rollout.oldSets), context);
  return report(rollout, context, 'rollout');
}

/** By what the sets count, and by what there is: either may be behind (`oldPodsRunning`). */
function hasRunningPods({ oldSets }: Rollout, context: ControllerContext): boolean {
  if (totalStatus(oldSets, 'replicas') > 0) return true;
  return oldSets.some((set) =>
    context
      .byIndex<Pod>(pods, OWNER_UID_INDEX, set.metadata.uid ?? '')
      .some((pod) => isControlledBy(pod, set) && !isPodTerminal(pod)),
  );
}

/** Brings the sets to the deployment's size without moving between templates. */
async function scale({ deployment, newSet, oldSets }: Rollout, context: ControllerContext): Promise<void> {
  for (const resize of scaleResizes(deployment, newSet, oldSets)) await resizeSet(deployment, resize, context);
}

/** Pausing stops the progress deadline's clock, resuming starts it anew (`checkPausedConditions`). */
async function syncPausedCondition(deployment: Deployment, context: ControllerContext): Promise<Deployment> {
  if (!hasProgressDeadline(deployment)) return deployment;
  const condition = conditionOf(deployment.status, 'Progressing');
  if (condition?.reason === 'ProgressDeadlineExceeded') return deployment;
  const wasPaused = condition?.reason === 'DeploymentPaused';
  const isPaused = deployment.spec.paused === true;
  if (wasPaused === isPaused) return deployment;
  const init = isPaused
    ? { type: 'Progressing', status: 'Unknown' as const, reason: 'DeploymentPaused', message: 'Deployment is paused' }
    : {
        type: 'Progressing',
        status: 'Unknown' as const,
        reason: 'DeploymentResumed',
        message: 'Deployment is resumed',
      };
  const conditions = withCondition(deployment.status?.conditions ?? [], init, context.now());
  return context.client.update<Deployment>(
    deployments,
    { ...deployment, status: { ...deployment.status, conditions } },
    { subresource: 'status' },
  );
}

/** Writes the status if it changed; of a rollout, comes back when the progress deadline will have passed. */
async function report(
  { deployment, newSet, oldSets }: Rollout,
  context: ControllerContext,
  kind: 'rollout' | 'status',
): Promise<ReconcileResult> {
  const lister = {
    get: (set: ReplicaSet) =>
      context.lister<ReplicaSet>(replicaSets).get(set.metadata.namespace ?? '', set.metadata.name!) ?? set,
  };
  const latestNew = newSet === undefined ? undefined : lister.get(newSet);
  const sets = [...oldSets.map(lister.get), ...(latestNew === undefined ? [] : [latestNew])];
  const about = { sets, nowMs: context.now() };
  const status =
    kind === 'rollout' ? rolloutStatus(deployment, latestNew, about) : statusFromSets(deployment, latestNew, about);
  if (!isSameStatus(status, deployment.status)) {
    await context.client.update<Deployment>(deployments, { ...deployment, status }, { subresource: 'status' });
  }
  return kind === 'rollout' ? nextDeadline(deployment, status, context.now()) : undefined;
}

function isSameStatus(a: DeploymentStatus, b: DeploymentStatus | undefined): boolean {
  const sorted = (status: DeploymentStatus): string =>
    JSON.stringify(Object.entries(status).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b ?? {});
}

function nextDeadline(deployment: Deployment, status: DeploymentStatus, nowMs: number): ReconcileResult {
  const condition = conditionOf(status, 'Progressing');
  if (!hasProgressDeadline(deployment) || condition === undefined || isComplete(deployment, status)) return undefined;
  if (condition.reason === 'ProgressDeadlineExceeded' || condition.reason === 'NewReplicaSetAvailable')
    return undefined;
  const dueMs = Date.parse(condition.lastUpdateTime ?? '') + deployment.spec.progressDeadlineSeconds! * 1000;
  return { requeueAfterMs: Math.max(1000, dueMs - nowMs + 1000) };
}

function deploymentOfPod(pod: Pod, context: Pick<ControllerContext, 'lister'>): string[] {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'ReplicaSet') return [];
  const set = context.lister<ReplicaSet>(replicaSets).get(pod.metadata.namespace ?? '', owner.name);
  const deployment = set === undefined ? undefined : controllerOf(set);
  if (deployment?.kind !== 'Deployment') return [];
  const found = context.lister<Deployment>(deployments).get(pod.metadata.namespace ?? '', deployment.name);
  return found?.spec.strategy?.type === 'Recreate' ? [`${pod.metadata.namespace}/${deployment.name}`] : [];
}

function deploymentsMatching(set: ReplicaSet, context: Pick<ControllerContext, 'lister'>): string[] {
  return context
    .lister<Deployment>(deployments)
    .list({ namespace: set.metadata.namespace ?? '' })
    .filter((deployment) => {
      const selector = selectorFromObject(deployment.spec.selector);
      return selector.requirements.length > 0 && selector.matches(set.metadata.labels);
    })
    .map(keyOf);
}
