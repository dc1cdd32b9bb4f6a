/**
 * For tests: one Job and its pods, as a server stores them and as the controller's cache shows them. Writes can fail,
 * before or after they are done, and the controller can be restarted; statuses are checked as the server checks them.
 */
import type { Job, JobSpec } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { isFinished } from '../../api/batch/v1/job/types.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { conflict, notFound, serviceUnavailable } from '../../api/machinery/errors.ts';
import { formatFieldError } from '../../api/machinery/field-error.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { formatTime } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { Controller, ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { controllerOf } from '../../client/owner-references.ts';
import { jobController } from './job.ts';
import { completionIndexOf } from './pod-facts.ts';
import { isTracked, TRACKING_FINALIZER } from './tracking-finalizer.ts';

const START_MS = Date.parse('2026-01-02T03:04:05Z');

/** The write with this number, from 0, fails: once it is done or without. The controller may go with it. */
export interface Fault {
  write: number;
  isDone: boolean;
  restarts: boolean;
}

export class JobWorld {
  job: Job;
  readonly pods = new Map<string, Pod>();
  readonly events: string[] = [];
  nowMs = START_MS;
  /** Pods that there ever were. */
  made = 0;
  /** Pods that the controller deleted without counting them. */
  uncounted = 0;
  /** Pods that succeeded with an index of which another pod had: one is counted. */
  repeatedIndexes = 0;
  readonly #succeededIndexes = new Set<number>();
  #revision = 1;
  #cachedJob: Job;
  #cachedPods: Pod[] = [];
  #controller: Controller = jobController();
  #fault: Fault | undefined;
  #writes = 0;
  /** Objects that the cache shows as they were before the write of which nobody knows whether it was done. */
  #before: { job?: Job; pod?: Pod } = {};

  constructor(spec: Partial<JobSpec> = {}) {
    const template = {
      metadata: { labels: {} },
      spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' },
    };
    const job = { metadata: { name: 'j', namespace: 'ns', uid: 'job' }, spec: { template, ...spec } } as unknown as Job;
    jobs.strategy.default!(job);
    jobs.strategy.prepareForCreate!(job, { user: { name: 'u', groups: [] }, nowMs: START_MS, dryRun: false });
    job.metadata.creationTimestamp = formatTime(START_MS);
    job.metadata.resourceVersion = '1';
    this.job = job;
    this.#cachedJob = job;
  }

  get status(): NonNullable<Job['status']> {
    return this.job.status ?? {};
  }

  get conditions(): string[] {
    return (this.status.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  }

  get all(): Pod[] {
    return [...this.pods.values()];
  }

  get isFinished(): boolean {
    return isFinished(this.job.status);
  }

  /** The controller's informers catch up. */
  sync(): this {
    this.#cachedJob = this.job;
    this.#cachedPods = this.all;
    return this;
  }

  /** The informer of pods is late. */
  syncJob(): this {
    this.#cachedJob = this.job;
    return this;
  }

  /** As the runner waits for: the cache shows what the controller wrote, but for a write of which it does not know. */
  catchUp(): this {
    this.sync();
    const { job, pod } = this.#before;
    if (job !== undefined) this.#cachedJob = job;
    if (pod === undefined) return this;
    const isOther = ({ metadata }: Pod): boolean => metadata.uid !== pod.metadata.uid;
    this.#cachedPods = [...this.#cachedPods.filter(isOther), pod];
    return this;
  }

  /** Without a fault it throws what the controller throws; with one, what fails is the test's wish. */
  async reconcile(fault?: Fault): Promise<ReconcileResult> {
    this.#fault = fault;
    this.#writes = 0;
    this.#before = {};
    try {
      return await this.#controller.reconcile({ namespace: 'ns', name: 'j' }, this.#context());
    } catch (error) {
      if (fault === undefined || this.#writes <= fault.write) throw error;
      return undefined;
    } finally {
      this.#fault = undefined;
      if (fault?.restarts === true) this.restart();
    }
  }

  /** A new controller, with what is stored in its cache. */
  restart(): this {
    this.#controller = jobController();
    return this.sync();
  }

  /** Reconciles until there is nothing more to do at this time. */
  async settle(): Promise<this> {
    for (let i = 0; i < 100; i++) {
      const before = this.#revision;
      await this.sync().reconcile();
      if (this.#revision === before) return this;
    }
    throw new Error('the Job does not come to rest');
  }

  advance(seconds: number): this {
    this.nowMs += seconds * 1000;
    return this;
  }

  change(spec: Partial<JobSpec>): this {
    this.#storeJob({ ...this.job, spec: { ...this.job.spec, ...spec } });
    return this;
  }

  /** What a kubelet reports. A pod that was to be deleted goes with its end, unless a finalizer keeps it. */
  report(name: string, phase: string, exitCode?: number): this {
    const pod = this.pods.get(name);
    if (pod === undefined || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return this;
    if (phase === 'Succeeded') this.#noteIndex(pod);
    const terminated = { exitCode, finishedAt: formatTime(this.nowMs) };
    const state = exitCode === undefined ? { running: {} } : { terminated };
    const containerStatuses = [
      { name: 'c', image: 'i', imageID: '', state, ready: exitCode === undefined, restartCount: 0 },
    ];
    const conditions = [{ type: 'Ready', status: exitCode === undefined ? 'True' : 'False' }];
    this.#storePod({
      ...pod,
      status: { ...pod.status, phase, containerStatuses, conditions } as unknown as Pod['status'],
    } as Pod);
    return this;
  }

  succeed(name: string): this {
    return this.report(name, 'Succeeded', 0);
  }

  fail(name: string, exitCode = 1): this {
    return this.report(name, 'Failed', exitCode);
  }

  /** As a user does. */
  deletePod(name: string): this {
    const pod = this.pods.get(name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return this;
    const metadata = { ...pod.metadata, deletionTimestamp: formatTime(this.nowMs), deletionGracePeriodSeconds: 0 };
    this.#storePod({ ...pod, metadata });
    return this;
  }

  #context(): ControllerContext {
    const lister = {
      get: () => this.#cachedJob,
      list: () => [this.#cachedJob],
    } as unknown as Lister<ApiObject>;
    return {
      lister: <T extends ApiObject>() => lister as unknown as Lister<T>,
      byIndex: <T extends ApiObject>(_kind: ResourceRef, index: string) =>
        this.#cachedPods.filter(
          (pod) => (controllerOf(pod) === undefined) === (index === 'orphans'),
        ) as ApiObject[] as T[],
      client: this.#client(),
      events: { event: (_object, _type, reason, message) => void this.events.push(`${reason}: ${message}`) },
      now: () => this.nowMs,
      log: silentLogger,
      random: realRandom,
      signal: new AbortController().signal,
    };
  }

  #client(): Client {
    return {
      get: () => Promise.resolve(this.job),
      create: (_resource: ResourceRef, pod: Pod) => this.#write(() => this.#create(pod)),
      update: (_resource: ResourceRef, job: Job) => this.#write(() => this.#updateStatus(job), { job: this.job }),
      patch: (_resource: ResourceRef, { name }: { name: string }, patch: { body: unknown }) =>
        this.#write(() => this.#patch(name, JSON.stringify(patch.body)), this.#podBefore(name)),
      delete: (_resource: ResourceRef, { name }: { name: string }) =>
        this.#write(() => this.#delete(name), this.#podBefore(name)),
    } as unknown as Client;
  }

  #podBefore(name: string): { pod?: Pod } {
    const pod = this.pods.get(name);
    return pod === undefined ? {} : { pod };
  }

  async #write<T>(perform: () => T, before: { job?: Job; pod?: Pod } = {}): Promise<T> {
    const fault = this.#fault;
    const number = this.#writes++;
    // A controller that goes with its write does not write afterwards.
    const isOff = fault !== undefined && (fault.restarts ? number > fault.write : false);
    const isFailing = fault !== undefined && number === fault.write;
    await Promise.resolve();
    if (isOff || (isFailing && !fault.isDone)) throw serviceUnavailable('no');
    const result = perform();
    if (isFailing) this.#before = before;
    if (isFailing) throw serviceUnavailable('nobody knows');
    return result;
  }

  #create(pod: Pod): Pod {
    const name = `p${this.made++}`;
    const metadata = { ...pod.metadata, name, uid: name, creationTimestamp: formatTime(this.nowMs) };
    return this.#storePod({ ...pod, metadata, status: { phase: 'Pending' } });
  }

  #updateStatus(job: Job): Job {
    if (job.metadata.resourceVersion !== this.job.metadata.resourceVersion)
      throw conflict({ group: 'batch', resource: 'jobs' }, 'j', 'it has changed');
    const next = { ...this.job, status: structuredClone(job.status ?? {}) };
    const errors = jobs.strategy.status!.validateUpdate!(next, this.job);
    if (errors.length > 0) throw new Error(`the server refuses the status: ${errors.map(formatFieldError).join('; ')}`);
    return this.#storeJob(next);
  }

  #storeJob(job: Job): Job {
    this.job = { ...job, metadata: { ...job.metadata, resourceVersion: String(++this.#revision) } };
    return this.job;
  }

  #patch(name: string, body: string): Pod {
    const pod = this.#find(name);
    if (!body.includes('deleteFromPrimitiveList/finalizers')) throw new Error(`unexpected patch ${body}`);
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    const isCounted =
      isOver ||
      pod.metadata.deletionTimestamp !== undefined ||
      this.status.uncountedTerminatedPods?.failed?.includes(name);
    if (isTracked(pod) && isCounted !== true) this.uncounted++;
    const finalizers = (pod.metadata.finalizers ?? []).filter((one) => one !== TRACKING_FINALIZER);
    return this.#storePod({ ...pod, metadata: { ...pod.metadata, finalizers } });
  }

  #delete(name: string): void {
    this.#find(name);
    this.deletePod(name);
  }

  #noteIndex(pod: Pod): void {
    const index = completionIndexOf(pod);
    if (index === undefined) return;
    if (this.#succeededIndexes.has(index)) this.repeatedIndexes++;
    this.#succeededIndexes.add(index);
  }

  #find(name: string): Pod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
    return pod;
  }

  #storePod(pod: Pod): Pod {
    this.#revision++;
    const { name = '', deletionTimestamp } = pod.metadata;
    const phase = pod.status?.phase;
    const isOver = phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending';
    if (deletionTimestamp !== undefined && isOver && !isTracked(pod)) this.pods.delete(name);
    else this.pods.set(name, pod);
    return pod;
  }
}
