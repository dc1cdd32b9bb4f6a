/** The `Suspended` condition of a Job that goes on. */
import type { Job, JobStatus } from '../../api/batch/v1/job.ts';
import { formatTime } from '../../base/clock.ts';
import type { ControllerContext } from '../../client/controller.ts';
import type { JobCondition } from './conditions.ts';
import { setCondition } from './conditions.ts';

/** A resumed Job starts anew: its time limit is for the time that it is active without a break. */
export function reportSuspension(job: Job, status: JobStatus, { now, events }: ControllerContext): void {
  const time = formatTime(now());
  const times = { lastProbeTime: time, lastTransitionTime: time };
  const suspended = job.spec.suspend === true;
  const condition: JobCondition = suspended
    ? { type: 'Suspended', status: 'True', ...times, reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', ...times, reason: 'JobResumed', message: 'Job resumed' };
  if (!setCondition(status, condition)) return;
  events.event(job, 'Normal', suspended ? 'Suspended' : 'Resumed', condition.message!);
  if (!suspended) status.startTime = time;
}
