/**
 * Writes a Job's status and takes the finalizers off the pods that it counts, in the order that makes counting exact:
 * lists first, then finalizers, then counts; the condition that ends the Job last of all.
 */
import type { Job, JobStatus } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { formatTime } from '../../base/clock.ts';
import type { ControllerContext } from '../../client/controller.ts';
import type { JobCondition } from './conditions.ts';
import { setCondition, terminalCondition } from './conditions.ts';
import { countListed, listEnded } from './counting.ts';
import { removeTrackingFinalizer } from './tracking-finalizer.ts';
import { uncountedOf } from './view.ts';
import type { JobView } from './view.ts';

export interface Report {
  /** The status so far, which is changed. */
  status: JobStatus;
  /** What announces the end of the Job, if it ends. */
  end: JobCondition | undefined;
  /** Pods that are being deleted, those of this reconcile included: a Job ends after them. */
  terminating: number;
  /** Called once the status lists what has ended. */
  onListed(): void;
  onReleased(pod: Pod): void;
}

export async function report(view: JobView, report: Report, context: ControllerContext): Promise<void> {
  const { status, end, terminating } = report;
  const tracked = new Set(view.tracked.map(({ metadata }) => metadata.uid!));
  countListed(status, tracked);
  const { release, isPartial } = listEnded(view, status, end);
  if (end !== undefined) setCondition(status, end);
  const listed = await writeStatus(view.job, status, context);
  report.onListed();

  const { released, failure } = await releasePods(release, context);
  for (const pod of released) {
    tracked.delete(pod.metadata.uid!);
    report.onReleased(pod);
  }
  countListed(status, tracked);
  if (failure !== undefined) {
    // Partial progress is worth keeping.
    await writeStatus(listed, status, context);
    throw failure;
  }

  const terminal =
    !isPartial && end !== undefined && terminating === 0 ? finish(status, end, context.now()) : undefined;
  await writeStatus(listed, status, context);
  if (terminal !== undefined) tellEnd(view.job, status, { terminal, context });
}

/** The Job as it is stored then. Nothing is written when nothing changed. */
async function writeStatus(job: Job, status: JobStatus, { client }: ControllerContext): Promise<Job> {
  if (deepEqual(status, job.status ?? {})) return job;
  // A copy: the status is changed further, the stored Job must not be.
  return client.update<Job>(jobs, { ...job, status: structuredClone(status) }, { subresource: 'status' });
}

async function releasePods(
  pods: readonly Pod[],
  { client }: ControllerContext,
): Promise<{ released: Pod[]; failure: Error | undefined }> {
  const results = await Promise.allSettled(pods.map((pod) => removeTrackingFinalizer(pod, client)));
  const failed = results.find((result) => result.status === 'rejected');
  const released = pods.filter((_, i) => results[i]!.status === 'fulfilled');
  return { released, failure: failed?.reason as Error | undefined };
}

function finish(status: JobStatus, end: JobCondition, nowMs: number): JobCondition | undefined {
  const { succeeded, failed } = uncountedOf(status);
  if (succeeded.size + failed.size > 0) return undefined;
  const terminal = terminalCondition(end, nowMs);
  setCondition(status, terminal);
  if (terminal.type === 'Complete') status.completionTime = formatTime(nowMs);
  return terminal;
}

function tellEnd(
  job: Job,
  { succeeded = 0 }: JobStatus,
  { terminal, context }: { terminal: JobCondition; context: ControllerContext },
): void {
  const { reason = '', message = '' } = terminal;
  if (terminal.type === 'Failed') {
    context.events.event(job, 'Warning', reason, message);
    return;
  }
  if (job.spec.completions !== undefined && succeeded > job.spec.completions) {
    const surplus = 'Too many succeeded pods running after completion count reached';
    context.events.event(job, 'Warning', 'TooManySucceededPods', surplus);
  }
  context.events.event(job, 'Normal', 'Completed', 'Job completed');
}
