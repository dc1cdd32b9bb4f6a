import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CronJob, CronJobSpec } from '../../api/batch/v1/cron-job.ts';
import { cronJobs } from '../../api/batch/v1/cron-job.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { serviceUnavailable } from '../../api/machinery/errors.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../../apiserver/testing.ts';
import { formatTime } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { controllerOf } from '../../client/owner-references.ts';
import { cronJobController } from './cron-job.ts';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
});
afterAll(() => server.close());

const T0 = Date.parse('2026-03-01T10:00:00Z');
const minutes = (count: number): number => T0 + count * 60_000;
let number = 0;

/** A CronJob on a real server, and a controller whose time is the test's. Its last run was at T0. */
class CronWorld {
  readonly name: string;
  readonly events: string[] = [];
  readonly #controller = cronJobController();
  /** Statuses cannot be written. */
  isReadOnly = false;

  private constructor(name: string) {
    this.name = name;
  }

  static async make(spec: Partial<CronJobSpec> = {}, lastMs = T0): Promise<CronWorld> {
    const world = new CronWorld(`c${number++}`);
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
    const jobTemplate = { metadata: { labels: { a: 'b' } }, spec: { template } };
    const object = { metadata: world.#metadata, spec: { schedule: '* * * * *', jobTemplate, ...spec } };
    const made = await client.create<CronJob>(cronJobs, object as CronJob);
    const status = { lastScheduleTime: formatTime(lastMs) };
    await client.update<CronJob>(cronJobs, { ...made, status }, { subresource: 'status' });
    return world;
  }

  get #metadata(): { namespace: string; name: string } {
    return { namespace: 'default', name: this.name };
  }

  cronJob(): Promise<CronJob> {
    return client.get<CronJob>(cronJobs, this.#metadata);
  }

  async change(spec: Partial<CronJobSpec>): Promise<void> {
    const cronJob = await this.cronJob();
    await client.update<CronJob>(cronJobs, { ...cronJob, spec: { ...cronJob.spec, ...spec } });
  }

  async jobs(): Promise<Job[]> {
    return (await this.#named()).filter((job) => controllerOf(job)?.name === this.name);
  }

  async #named(): Promise<Job[]> {
    const { items } = await client.list<Job>(jobs, { namespace: 'default' });
    return items.filter(({ metadata }) => metadata.ownerReferences?.some(({ name }) => name === this.name));
  }

  async names(): Promise<string[]> {
    return (await this.jobs()).map(({ metadata }) => metadata.name!).sort();
  }

  async active(): Promise<(string | undefined)[]> {
    return ((await this.cronJob()).status?.active ?? []).map(({ name }) => name);
  }

  nameAt(runMs: number): string {
    return `${this.name}-${runMs / 60_000}`;
  }

  async reconcile(nowMs: number): Promise<ReconcileResult> {
    const [cronJob, owned] = [await this.cronJob(), await this.#named()];
    const context: ControllerContext = {
      lister: <T extends ApiObject>() => ({ get: () => cronJob }) as unknown as Lister<T>,
      byIndex: <T extends ApiObject>() => owned as ApiObject[] as T[],
      client: { ...client, update: (kind: ResourceRef, object: ApiObject) => this.#update(kind, object) } as Client,
      events: { event: (_object, type, reason, message) => void this.events.push(`${type} ${reason}: ${message}`) },
      now: () => nowMs,
      log: silentLogger,
      random: realRandom,
      signal: new AbortController().signal,
    };
    return this.#controller.reconcile(this.#metadata, context);
  }

  #update(kind: ResourceRef, object: ApiObject): Promise<ApiObject> {
    if (this.isReadOnly) return Promise.reject(serviceUnavailable('no'));
    return client.update(kind, object, { subresource: 'status' });
  }

  /** As its controller does at the end. */
  async end(name: string, type: 'Complete' | 'Failed', atMs: number): Promise<void> {
    const job = await client.get<Job>(jobs, { namespace: 'default', name });
    const time = formatTime(atMs);
    const conditions = [type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget', type].map((one) => ({
      type: one,
      status: 'True',
      lastTransitionTime: time,
    }));
    const completion = type === 'Complete' ? { completionTime: time } : {};
    const status = { startTime: time, ...completion, conditions };
    await client.update<Job>(jobs, { ...job, status }, { subresource: 'status' });
  }
}

describe('a CronJob [W8]', () => {
  it('makes a Job for a run that is due, once', async () => {
    const world = await CronWorld.make({ timeZone: 'Asia/Kathmandu' });
    expect(await world.reconcile(minutes(0.5))).toEqual({ requeueAfterMs: 30_100 });
    expect(await world.jobs()).toEqual([]);
    expect(await world.reconcile(minutes(1))).toEqual({ requeueAfterMs: 60_100 });
    const [job] = await world.jobs();
    expect(job!.metadata).toMatchObject({
      name: world.nameAt(minutes(1)),
      labels: { a: 'b' },
      annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-03-01T15:46:00+05:45' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: world.name, controller: true }],
    });
    const { uid, resourceVersion } = job!.metadata;
    expect((await world.cronJob()).status).toEqual({
      active: [
        { apiVersion: 'batch/v1', kind: 'Job', namespace: 'default', name: job!.metadata.name, uid, resourceVersion },
      ],
      lastScheduleTime: '2026-03-01T10:01:00Z',
    });
    await world.reconcile(minutes(1.5));
    expect(await world.jobs()).toHaveLength(1);
    expect(world.events).toEqual([`Normal SuccessfulCreate: Created job ${job!.metadata.name}`]);
  });

  it('runs beside earlier ones, waits for them, or replaces them', async () => {
    const outcome = async (concurrencyPolicy: string): Promise<{ names: number[]; events: string[] }> => {
      const world = await CronWorld.make({ concurrencyPolicy });
      await world.reconcile(minutes(1));
      await world.reconcile(minutes(2));
      const all = [1, 2].map((i) => world.nameAt(minutes(i)));
      expect(await world.active()).toEqual(await world.names());
      const names = (await world.names()).map((name) => all.indexOf(name) + 1);
      return { names, events: world.events.slice(1).map((event) => event.split(':')[0]!) };
    };
    expect(await outcome('Allow')).toEqual({ names: [1, 2], events: ['Normal SuccessfulCreate'] });
    expect(await outcome('Forbid')).toEqual({ names: [1], events: ['Normal JobAlreadyActive'] });
    const replaced = ['Normal SuccessfulDelete', 'Normal SuccessfulCreate'];
    expect(await outcome('Replace')).toEqual({ names: [2], events: replaced });
  });

  it('makes no Job while it is suspended, and goes on where it is', async () => {
    const world = await CronWorld.make({ suspend: true });
    expect(await world.reconcile(minutes(9))).toBeUndefined();
    expect(await world.jobs()).toEqual([]);
    await world.change({ suspend: false });
    await world.reconcile(minutes(9.5));
    expect(await world.names()).toEqual([world.nameAt(minutes(9))]);
  });

  it.each([{ schedule: '5 10 * * *' }, { timeZone: 'Asia/Kathmandu' }])(
    'does not make up for what would have been due by a new %j',
    async (change) => {
      const world = await CronWorld.make({ schedule: '50 15 * * *', timeZone: 'Etc/UTC' });
      await world.reconcile(minutes(1));
      await world.change(change);
      const nextMs = minutes(5 + 24 * 60);
      expect(await world.reconcile(minutes(14))).toEqual({ requeueAfterMs: nextMs - minutes(14) + 100 });
      await world.reconcile(minutes(15));
      expect(await world.names()).toEqual([]);
      await world.reconcile(nextMs);
      expect(await world.names()).toEqual([world.nameAt(nextMs)]);
    },
  );

  it('makes up for the last run that was missed, and complains of too many', async () => {
    const world = await CronWorld.make();
    await world.reconcile(minutes(100));
    expect(world.events).toHaveLength(1);
    await world.reconcile(minutes(300));
    expect(await world.names()).toEqual([world.nameAt(minutes(100)), world.nameAt(minutes(300))]);
    expect(world.events).toContain(
      'Warning TooManyMissedTimes: too many missed start times. ' +
        'Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    );
  });

  it('lets runs go whose deadline is over', async () => {
    const world = await CronWorld.make({ schedule: '0 * * * *', startingDeadlineSeconds: 120 });
    expect(await world.reconcile(minutes(63))).toEqual({ requeueAfterMs: 57 * 60_000 + 100 });
    expect(await world.jobs()).toEqual([]);
    await world.reconcile(minutes(121));
    expect(await world.names()).toEqual([world.nameAt(minutes(120))]);
  });

  it('keeps as many finished Jobs as it says', async () => {
    const world = await CronWorld.make({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 });
    for (let i = 1; i <= 4; i++) {
      await world.reconcile(minutes(i));
      await world.end(world.nameAt(minutes(i)), i % 2 === 0 ? 'Failed' : 'Complete', minutes(i) + 1000);
    }
    await world.reconcile(minutes(4.5));
    expect(await world.names()).toEqual([world.nameAt(minutes(3)), world.nameAt(minutes(4))]);
    expect(await world.active()).toEqual([]);
    expect((await world.cronJob()).status?.lastSuccessfulTime).toBe('2026-03-01T10:03:01Z');
    expect(world.events).toContain(
      `Normal SawCompletedJob: Saw completed job: ${world.nameAt(minutes(4))}, condition: Failed`,
    );
    expect(world.events).toContain(`Normal SuccessfulDelete: Deleted job ${world.nameAt(minutes(1))}`);
  });

  it('leaves Jobs alone that it owns without being their controller', async () => {
    const world = await CronWorld.make({ successfulJobsHistoryLimit: 0 });
    const { name, uid } = (await world.cronJob()).metadata;
    const spec = { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } };
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'CronJob', name, uid }];
    for (const which of ['runs', 'done']) {
      const metadata = { name: `${name}-${which}`, namespace: 'default', ownerReferences };
      await client.create<Job>(jobs, { metadata, spec } as Job);
    }
    await world.end(`${name}-done`, 'Complete', minutes(0.2));
    await world.reconcile(minutes(0.5));
    expect(world.events).toEqual([]);
    expect((await world.cronJob()).status).toEqual({ lastScheduleTime: formatTime(T0) });
  });

  it('notices that an active Job has gone', async () => {
    const world = await CronWorld.make({ concurrencyPolicy: 'Forbid' });
    await world.reconcile(minutes(1));
    const name = world.nameAt(minutes(1));
    await client.delete(jobs, { namespace: 'default', name }, { propagationPolicy: 'Background' });
    await world.reconcile(minutes(2));
    expect(world.events).toContain(`Normal MissingJob: Active job went missing: ${name}`);
    expect(await world.active()).toEqual([world.nameAt(minutes(2))]);
  });

  it('finds the Job that it had made before it could say so', async () => {
    const world = await CronWorld.make({ concurrencyPolicy: 'Forbid' });
    world.isReadOnly = true;
    await expect(world.reconcile(minutes(1))).rejects.toThrow('no');
    world.isReadOnly = false;
    await world.reconcile(minutes(1.2));
    expect(await world.names()).toEqual([world.nameAt(minutes(1))]);
    expect(await world.active()).toEqual([world.nameAt(minutes(1))]);
  });

  it.each(['0 0 30 2 *', '* * 31 4 *'])(
    'that never is due (%s) says so, and is not looked at again',
    async (schedule) => {
      const world = await CronWorld.make({ schedule });
      expect(await world.reconcile(minutes(1))).toBeUndefined();
      expect(world.events).toEqual([
        `Warning InvalidSchedule: invalid schedule: ${schedule} : ` +
          'time difference between two schedules is less than 1 second',
      ]);
    },
  );

  it('finds the last of many runs without going through them', async () => {
    const world = await CronWorld.make({ schedule: '* * * 1-11 *' }, Date.parse('2000-11-30T23:58:00Z'));
    await world.reconcile(Date.parse('2026-01-01T00:00:30Z'));
    expect((await world.cronJob()).status?.lastScheduleTime).toBe('2026-01-01T00:00:00Z');
  });

  it('counts periods from its last run', async () => {
    const world = await CronWorld.make({ schedule: '@every 7m' });
    expect(await world.reconcile(minutes(20))).toEqual({ requeueAfterMs: 60_100 });
    expect(await world.names()).toEqual([world.nameAt(minutes(14))]);
  });

  it('keeps a zone that was stored in its schedule', async () => {
    const world = await CronWorld.make();
    const cronJob = await world.cronJob();
    const stored = { ...cronJob, spec: { ...cronJob.spec, schedule: 'TZ=Asia/Tokyo 0 20 * * *' } };
    Object.assign(world, { cronJob: () => Promise.resolve(stored) });
    expect(await world.reconcile(minutes(1))).toEqual({ requeueAfterMs: 59 * 60_000 + 100 });
    expect(world.events[0]).toContain('Warning UnsupportedSchedule: CRON_TZ or TZ used in schedule "TZ=Asia/Tokyo');
  });

  it('with a schedule or a zone that cannot be read says so', async () => {
    const world = await CronWorld.make();
    const cronJob = await world.cronJob();
    const store = (spec: Partial<CronJobSpec>): void => {
      const stored = { ...cronJob, spec: { ...cronJob.spec, ...spec } };
      Object.assign(world, { cronJob: () => Promise.resolve(stored) });
    };
    store({ schedule: 'x' });
    expect(await world.reconcile(minutes(1))).toBeUndefined();
    store({ timeZone: 'No/Where' });
    expect(await world.reconcile(minutes(1))).toBeUndefined();
    expect(world.events).toEqual([
      'Warning UnparseableSchedule: unparseable schedule: "x" : expected exactly 5 fields, found 1: [x]',
      'Warning UnknownTimeZone: invalid timeZone: "No/Where": unknown time zone No/Where',
    ]);
    expect(await world.jobs()).toEqual([]);
  });
});
