/** Since when CronJobs have the schedules that they have: a new schedule or zone is not made up for (upstream `updateCronJob`). */
import type { CronJob } from '../../api/batch/v1/cron-job.ts';

interface Seen {
  uid: string | undefined;
  schedule: string;
  timeZone: string | undefined;
  sinceMs: number;
}

/** Knows what one run of the controller has seen: to the next one, all schedules have been there for ever. */
export class ScheduleChanges {
  readonly #seen = new Map<string, Seen>();

  /** When the CronJob was first seen with its schedule, if it had another one before; else long ago. */
  sinceMs(key: string, { metadata: { uid }, spec }: CronJob, nowMs: number): number {
    const { schedule, timeZone, suspend } = spec;
    const known = this.#seen.get(key);
    let sinceMs = -Infinity;
    // One that is suspended catches up when it goes on, whatever its schedule was.
    if (known !== undefined && known.uid === uid && suspend !== true) {
      sinceMs = known.schedule === schedule && known.timeZone === timeZone ? known.sinceMs : nowMs;
    }
    this.#seen.set(key, { uid, schedule, timeZone, sinceMs });
    return sinceMs;
  }

  /** The CronJob is gone. */
  forget(key: string): void {
    this.#seen.delete(key);
  }
}
