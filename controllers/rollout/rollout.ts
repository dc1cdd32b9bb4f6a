/**
 * Rollout: moves pods from one template to the next by blue-green or canary, and back when the next one is bad
 * (`crds/rollouts.yaml`, docs/rollouts.md). All state is in the object: a controller that starts anew goes on.
 */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicaSets } from '../../api/apps/v1/replica-set.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { services } from '../../api/core/v1/service.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { isForbidden, isInvalid } from '../../api/machinery/errors.ts';
import { realClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Controller, ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { OWNER_UID_INDEX } from '../../client/store.ts';
import { act, checkOwner, deleteStaleJobs } from './act.ts';
import { CheckRunner } from './check-runner.ts';
import { decide } from './decide.ts';
import { claimReplicaSets, createSet, deleteSets, findSet, raiseRevision, setsBeyondHistory } from './replica-sets.ts';
import { lookAtServices, rolloutsOfService } from './services.ts';
import { invalidStatus } from './status.ts';
import type { Rollout, RolloutStatus } from './types.ts';
import { hashOf, rollouts } from './types.ts';
import type { Observed } from './work.ts';

/** How soon a Rollout that cannot work is looked at again, should what it lacks be none of the watched kinds. */
const INVALID_RETRY_MS = 30_000;

/** `clock` times the tries of checks. */
export function rolloutController(clock: Clock = realClock): Controller {
  const runner = new CheckRunner(clock);
  return defineController<Rollout>({
    name: 'rollout-controller',
    for: rollouts,
    owns: [replicaSets, jobs],
    watches: [{ resource: services, map: (service, context) => rolloutsOfService(service as Service, context) }],
    reads: [pods],
    writes: [rollouts, replicaSets, services, jobs],
    workers: 5,
    async reconcile({ namespace, name }, context) {
      const rollout = context.lister<Rollout>(rollouts).get(namespace, name);
      if (rollout === undefined || rollout.metadata.deletionTimestamp !== undefined) return undefined;
      return reconcile(rollout, context, runner);
    },
  });
}

async function reconcile(rollout: Rollout, context: ControllerContext, runner: CheckRunner): Promise<ReconcileResult> {
  // Observe
  const sets = await claimReplicaSets(rollout, context);
  const found = lookAtServices(rollout, context);
  if (found.problem !== undefined) return refuse(rollout, found.problem, { sets, context });
  const newSet = await presentSet(rollout, sets, context);
  if (newSet === undefined) return undefined;
  if (typeof newSet === 'string') return refuse(rollout, newSet, { sets, context });
  const observed: Observed = {
    rollout,
    newSet,
    sets: sets.map((set) => (set.metadata.uid === newSet.metadata.uid ? newSet : set)),
    selectors: found.selectors,
    jobs: context.byIndex<Job>(jobs, OWNER_UID_INDEX, rollout.metadata.uid!),
    nowMs: context.now(),
  };
  const owner = checkOwner(rollout, hashOf(newSet));
  const results = runner.results(owner);

  // Decide
  const { plan, status } = decide(observed, results);

  // Act
  const againMs = await act(observed, plan, { context, runner });
  await deleteSets(setsBeyondHistory(rollout, observed.sets), context);
  await deleteStaleJobs(observed, context);

  // Report
  await writeStatus(rollout, status, context);
  runner.forget(owner, results);
  for (const { type, reason, message } of plan.events) context.events.event(rollout, type, reason, message);
  const wakeMs = Math.min(plan.wakeAtMs ?? Infinity, againMs ?? Infinity);
  return Number.isFinite(wakeMs) ? { requeueAfterMs: Math.max(50, wakeMs - observed.nowMs) } : undefined;
}

/** Made if need be; a text says what the API has against it. Undefined while there is nothing to begin with. */
async function presentSet(
  rollout: Rollout,
  sets: readonly ReplicaSet[],
  context: ControllerContext,
): Promise<ReplicaSet | string | undefined> {
  const found = findSet(rollout, sets);
  if (found !== undefined) {
    const isKnown = rollout.status?.currentPodHash === hashOf(found);
    return isKnown ? found : raiseRevision(found, sets, context);
  }
  if (rollout.spec.paused === true) return 'spec.paused is true: nothing has been rolled out yet';
  try {
    const created = await createSet(rollout, sets, context);
    if (!('collisionCount' in created)) return undefined;
    await writeStatus(rollout, { ...rollout.status, ...created }, context);
    return undefined;
  } catch (error) {
    if (isInvalid(error)) return `the template is invalid: ${error.message}`;
    if (isForbidden(error)) return `the ReplicaSet was refused: ${error.message}`;
    throw error;
  }
}

async function refuse(
  rollout: Rollout,
  problem: string,
  { sets, context }: { sets: readonly ReplicaSet[]; context: ControllerContext },
): Promise<ReconcileResult> {
  const status = invalidStatus(rollout, problem, { sets, nowMs: context.now() });
  if (await writeStatus(rollout, status, context)) context.events.event(rollout, 'Warning', 'InvalidSpec', problem);
  return { requeueAfterMs: INVALID_RETRY_MS };
}

/** Whether there was something to write. */
async function writeStatus(rollout: Rollout, status: RolloutStatus, { client }: ControllerContext): Promise<boolean> {
  if (deepEqual(status, rollout.status ?? {})) return false;
  await client.update<Rollout>(rollouts, { ...rollout, status }, { subresource: 'status' });
  return true;
}
