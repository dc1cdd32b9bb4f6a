/** Acting on a Rollout's ReplicaSets: claiming, creating that of the present template, resizing, cleaning up. */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicaSets } from '../../api/apps/v1/replica-set.ts';
import { defaultPodTemplate } from '../../api/core/v1/pod/defaults.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/errors.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import { claimObjects } from '../../client/adopt.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { isControlledBy, newControllerRef } from '../../client/owner-references.ts';
import { replicasOf } from '../deployment/bounds.ts';
import { byAge, isSameTemplate, templateHash } from '../deployment/template.ts';
import type { Rollout } from './types.ts';
import { HASH_LABEL, hashOf, REVISION, revisionOf, rollouts, SCALE_DOWN_AT } from './types.ts';
import type { PlannedSet } from './work.ts';

export async function claimReplicaSets(rollout: Rollout, context: ControllerContext): Promise<ReplicaSet[]> {
  const claimed = await claimObjects<ReplicaSet>({
    owner: rollout,
    ownerResource: rollouts,
    selector: selectorFromObject(rollout.spec.selector),
    candidates: context.lister<ReplicaSet>(replicaSets).list({ namespace: rollout.metadata.namespace ?? '' }),
    resource: replicaSets,
    client: context.client,
    // Without the label it could not be told from the others by a Service.
    filter: (set) => hashOf(set) !== '',
  });
  return claimed.filter(({ metadata }) => metadata.deletionTimestamp === undefined).sort(byAge);
}

/**
 * That of the present template: by its hash, which knows the template as it was written, or by what the template means
 * (`undo` puts back what the API has made of it). While paused, the one that is being rolled out.
 */
export function findSet({ spec, status }: Rollout, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  if (spec.paused === true && status?.currentPodHash !== undefined)
    return sets.find((set) => hashOf(set) === status.currentPodHash);
  const hash = templateHash(spec.template, status?.collisionCount);
  const found = sets.find((set) => hashOf(set) === hash);
  if (found !== undefined) return found;
  const meant = structuredClone(spec.template);
  defaultPodTemplate(meant);
  return sets.find((set) => isSameTemplate(set.spec.template, meant, HASH_LABEL));
}

/** Empty, for the strategy to size. */
export function newReplicaSet(rollout: Rollout, sets: readonly ReplicaSet[]): ReplicaSet {
  const { spec, status, metadata: own } = rollout;
  const hash = templateHash(spec.template, status?.collisionCount);
  const { metadata, ...template } = spec.template;
  const labels = { ...metadata?.labels, [HASH_LABEL]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${own.name}-${hash}`,
      namespace: own.namespace ?? '',
      labels,
      annotations: { [REVISION]: String(nextRevision(sets)) },
      ownerReferences: [newControllerRef(rollout, rollouts)],
    },
    spec: {
      replicas: 0,
      ...(spec.minReadySeconds === 0 ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...metadata, labels } },
    },
  };
}

function nextRevision(sets: readonly ReplicaSet[]): number {
  return Math.max(0, ...sets.map(revisionOf)) + 1;
}

/** The new `collisionCount` when another's ReplicaSet has the name. */
export async function createSet(
  rollout: Rollout,
  sets: readonly ReplicaSet[],
  context: ControllerContext,
): Promise<ReplicaSet | { collisionCount: number }> {
  const wanted = newReplicaSet(rollout, sets);
  try {
    const created = await context.client.create<ReplicaSet>(replicaSets, wanted);
    const message = `Created ReplicaSet ${created.metadata.name} for revision ${revisionOf(created)}`;
    context.events.event(rollout, 'Normal', 'NewReplicaSetCreated', message);
    return created;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const name = { namespace: wanted.metadata.namespace ?? '', name: wanted.metadata.name! };
    const found = await context.client.get<ReplicaSet>(replicaSets, name);
    if (isControlledBy(found, rollout)) throw error;
    return { collisionCount: (rollout.status?.collisionCount ?? 0) + 1 };
  }
}

/** A template that comes back is the newest revision again. */
export async function raiseRevision(
  set: ReplicaSet,
  sets: readonly ReplicaSet[],
  { client }: ControllerContext,
): Promise<ReplicaSet> {
  const others = sets.filter((one) => one !== set);
  if (revisionOf(set) >= nextRevision(others)) return set;
  const annotations = { ...set.metadata.annotations, [REVISION]: String(nextRevision(sets)) };
  return client.update<ReplicaSet>(replicaSets, { ...set, metadata: { ...set.metadata, annotations } });
}

/** Writes what differs. */
export async function applySet(
  rollout: Rollout,
  { set, replicas, scaleDownAt }: PlannedSet,
  context: ControllerContext,
): Promise<void> {
  const before = replicasOf(set);
  const { [SCALE_DOWN_AT]: retires, ...others } = set.metadata.annotations ?? {};
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const isSame = before === replicas && retires === scaleDownAt && minReadySeconds === rollout.spec.minReadySeconds;
  if (isSame) return;
  await context.client.update<ReplicaSet>(replicaSets, {
    ...set,
    metadata: {
      ...set.metadata,
      annotations: scaleDownAt === undefined ? others : { ...others, [SCALE_DOWN_AT]: scaleDownAt },
    },
    spec: { ...set.spec, replicas, minReadySeconds: rollout.spec.minReadySeconds },
  });
  if (before === replicas) return;
  const direction = before < replicas ? 'up' : 'down';
  const message = `Scaled ${direction} ReplicaSet ${set.metadata.name} from ${before} to ${replicas}`;
  context.events.event(rollout, 'Normal', 'ScalingReplicaSet', message);
}

/** Empty ones that neither serve nor are to serve, beyond the limit, the oldest revisions first. */
export function setsBeyondHistory(rollout: Rollout, sets: readonly ReplicaSet[]): ReplicaSet[] {
  const { currentPodHash, stableRS } = rollout.status ?? {};
  const old = sets.filter((set) => hashOf(set) !== currentPodHash && hashOf(set) !== stableRS);
  const surplus = old.length - rollout.spec.revisionHistoryLimit;
  if (surplus <= 0) return [];
  return old
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, surplus)
    .filter((set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0);
}

export async function deleteSets(sets: readonly ReplicaSet[], { client }: ControllerContext): Promise<void> {
  for (const { metadata } of sets) {
    try {
      await client.delete(replicaSets, { namespace: metadata.namespace ?? '', name: metadata.name! });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
