/**
 * Job: runs pods until enough of them have succeeded, or too many have failed (upstream
 * `pkg/controller/job/job_controller.go`).
 */
import type { Job, JobStatus } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { isFinished } from '../../api/batch/v1/job/types.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import { formatTime } from '../../base/clock.ts';
import { claimObjects } from '../../client/adopt.ts';
import type { CacheReader, Controller, ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { controllerOf } from '../../client/owner-references.ts';
import { isAdoptabilityChange, ORPHANS_BY_NAMESPACE, ownedOrOrphaned } from '../pods.ts';
import type { Acted } from './act.ts';
import { createPods, deleteActive, deleteSurplus, NOTHING_DONE } from './act.ts';
import type { BackoffRecord } from './backoff.ts';
import { endCondition } from './conditions.ts';
import { announcedEnd, deadlineMs, isComplete } from './ending.ts';
import { JobMemory } from './memory.ts';
import type { PodPlan } from './plan.ts';
import { planPods } from './plan.ts';
import { report } from './report.ts';
import { reportSuspension } from './suspension.ts';
import { TRACKING_FINALIZER } from './tracking-finalizer.ts';
import type { JobView } from './view.ts';
import { observeJob } from './view.ts';

export const JOB_CONTROLLER = 'kubernetes.io/job-controller';

export function jobController(): Controller {
  const memory = new JobMemory();
  return defineController<Job>({
    name: 'job-controller',
    for: jobs,
    owns: [pods],
    // A pod without a controller may match: its Job adopts it.
    watches: [{ resource: pods, map: adopters, isRelevant: isAdoptabilityChange }],
    indexes: [ORPHANS_BY_NAMESPACE],
    writes: [pods, jobs],
    workers: 5,
    async reconcile({ namespace, name }, context) {
      const job = context.lister<Job>(jobs).get(namespace, name);
      const key = `${namespace}/${name}`;
      if (job !== undefined && isManaged(job) && !isFinished(job.status)) return reconcileJob(job, memory, context);
      memory.forget(key);
      return undefined;
    },
  });
}

/** Not by another controller, of a name of its own. */
export function isManaged({ spec }: Job): boolean {
  return spec.managedBy === undefined || spec.managedBy === JOB_CONTROLLER;
}

async function reconcileJob(job: Job, memory: JobMemory, context: ControllerContext): Promise<ReconcileResult> {
  // Observe
  const key = keyOf(job);
  const uid = job.metadata.uid!;
  const owned = await claimPods(job, context);
  const view = observeJob(job, owned, memory.released(key, uid, owned));
  const backoff = memory.backoff(key, view);
  const status = startedStatus(job, context.now());

  // Decide and act
  let end = announcedEnd(view, context.now());
  const nowMs = context.now();
  const wanted = planOf(view, { isEnding: end !== undefined, backoff, nowMs });
  const plan = memory.paced(key, uid, { plan: wanted, nowMs });
  const acted = end === undefined ? await carryOut(plan, view, context) : await deleteActive(view, context);
  const active = view.active.length + acted.created - acted.deleted;
  if (end !== undefined && active > 0) {
    // What could not be deleted may still succeed.
    end = undefined;
  } else if (end === undefined && isComplete(view, active)) {
    end = endCondition('SuccessCriteriaMet', 'CompletionsReached', context.now());
  } else if (end === undefined && job.metadata.deletionTimestamp === undefined) {
    reportSuspension(job, status, context);
  }

  // Report
  const terminating = view.terminating + acted.deleted;
  setPodCounts(status, { active, ready: view.ready - acted.deletedReady, terminating });
  await report(
    view,
    {
      status,
      end,
      terminating,
      onListed: () => memory.storeBackoff(key, uid, backoff),
      onReleased: (pod) => memory.noteReleased(key, uid, pod.metadata.uid!),
    },
    context,
  );
  if (acted.failure !== undefined) throw acted.failure;
  return nextLook(view, plan, context.now());
}

/** All pods of the namespace that this Job has, after adopting and releasing. */
function claimPods(job: Job, context: ControllerContext): Promise<Pod[]> {
  return claimObjects<Pod>({
    owner: job,
    ownerResource: jobs,
    selector: selectorFromObject(job.spec.selector),
    candidates: ownedOrOrphaned(job, context),
    resource: pods,
    client: context.client,
    finalizer: TRACKING_FINALIZER,
  });
}

function adopters(pod: { metadata: Pod['metadata'] }, context: CacheReader): string[] {
  if (controllerOf(pod) !== undefined) return [];
  const matches = ({ spec }: Job): boolean => {
    const selector = selectorFromObject(spec.selector);
    return selector.requirements.length > 0 && selector.matches(pod.metadata.labels);
  };
  return context
    .lister<Job>(jobs)
    .list({ namespace: pod.metadata.namespace ?? '' })
    .filter((job) => matches(job) && isManaged(job))
    .map(keyOf);
}

function startedStatus(job: Job, nowMs: number): JobStatus {
  const status = structuredClone(job.status ?? {});
  status.uncountedTerminatedPods ??= {};
  if (status.startTime === undefined && job.spec.suspend !== true) status.startTime = formatTime(nowMs);
  return status;
}

function planOf(
  view: JobView,
  { isEnding, backoff, nowMs }: { isEnding: boolean; backoff: BackoffRecord; nowMs: number },
): PodPlan {
  if (isEnding || view.job.metadata.deletionTimestamp !== undefined) return { type: 'none' };
  return planPods(view, backoff, nowMs);
}

function carryOut(plan: PodPlan, view: JobView, context: ControllerContext): Promise<Acted> {
  if (plan.type === 'create') return createPods(view, plan.indexes, context);
  if (plan.type === 'delete') return deleteSurplus(view.job, plan.pods, context);
  return Promise.resolve(NOTHING_DONE);
}

function setPodCounts(
  status: JobStatus,
  { active, ready, terminating }: { active: number; ready: number; terminating: number },
): void {
  if (active > 0) status.active = active;
  else delete status.active;
  status.ready = Math.min(ready, active);
  status.terminating = terminating;
}

/** When the time limit is over, or when a pod may be made again. */
function nextLook(view: JobView, plan: PodPlan, nowMs: number): ReconcileResult {
  const limitMs = deadlineMs(view);
  const waits = [...(limitMs === undefined ? [] : [limitMs - nowMs]), ...(plan.type === 'wait' ? [plan.delayMs] : [])];
  return waits.length === 0 ? undefined : { requeueAfterMs: Math.max(100, Math.min(...waits)) };
}
