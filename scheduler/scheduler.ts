/**
 * The scheduler: gives each pod that has no node the best one (`pkg/scheduler/schedule_one.go`).
 *
 * Flow of a pod: queue → snapshot → `NodeSearch` → assume → reserve → permit → (next pod) … bind.
 * Guarantees: pods are looked at one after the other, each against all placements made before it; nobody waits for a
 * binding; the thread is given away after every `SLICE_MS`.
 * Assumptions: no other scheduler of these names is at work.
 */
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { podDisruptionBudgets } from '../api/policy/v1/pod-disruption-budget.ts';
import type { PodDisruptionBudget } from '../api/policy/v1/pod-disruption-budget.ts';
import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { ClusterCache } from './cluster-cache.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { ExtenderChain } from './extender-chain.ts';
import { fitErrorMessage, NO_NODES_MESSAGE } from './fit-error.ts';
import type { Diagnosis } from './fit-error.ts';
import { CycleState } from './framework.ts';
import type { Cycle, PluginRejection } from './framework.ts';
import { HttpExtender } from './http-extender.ts';
import type { HttpExtenderSettings } from './http-extender.ts';
import { NodeSearch } from './node-search.ts';
import { NominatedPods } from './nominated-pods.ts';
import { PendingCalls } from './pending-calls.ts';
import { PluginRunner } from './plugin-runner.ts';
import { nominationPatch, truncateNote, unscheduledPatch } from './pod-condition.ts';
import type { FailureReason } from './pod-condition.ts';
import { DEFAULT_PROFILES } from './profile.ts';
import type { SchedulerProfile } from './profile.ts';
import type { QueuedPod } from './queued-pod.ts';
import { SchedulingQueue } from './scheduling-queue.ts';
import type { BackoffLimits, FailedAttempt } from './scheduling-queue.ts';
import { TimeSlice } from './time-slice.ts';

export interface SchedulerOptions {
  client: Client;
  /** Started by its owner, before or after this. */
  informers: InformerFactory;
  events: EventRecorder;
  /** For each profile's pods. Default: `events`. */
  recorderOf?(schedulerName: string): EventRecorder;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
  /** Pods that name none of these are left alone. Default: `default-scheduler` with all plugins. */
  profiles?: readonly SchedulerProfile[];
  backoff?: BackoffLimits;
  /** In the order in which they are asked. Default: none. */
  extenders?: readonly HttpExtenderSettings[];
}

/** Bindings and status patches under way at once. */
const MAX_PENDING_CALLS = 32;
const SLICE_MS = 5;
const NONE: ReadonlySet<string> = new Set();

const EVENT_FACTS = {
  Scheduled: { type: 'Normal', action: 'Binding' },
  FailedScheduling: { type: 'Warning', action: 'Scheduling' },
} as const;

/** Schedules pods until the signal aborts and the bindings under way have ended. Never rejects for what pods say. */
export async function startScheduler(options: SchedulerOptions): Promise<void> {
  await new Scheduler(options).run();
}

interface Failure {
  reason: FailureReason;
  message: string;
  attempt: FailedAttempt;
  /** As in `PostFilterResult`. */
  nominatedNodeName?: string | undefined;
}

/** What runs the pods of one name. */
interface RunningProfile {
  runner: PluginRunner;
  search: NodeSearch;
  events: EventRecorder;
}

class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #cache = new ClusterCache();
  readonly #nominated = new NominatedPods();
  readonly #extenders: ExtenderChain;
  readonly #profiles: ReadonlyMap<string, RunningProfile>;
  readonly #queue: SchedulingQueue;
  readonly #watch: ClusterWatch;
  readonly #slice: TimeSlice;
  readonly #calls = new PendingCalls(MAX_PENDING_CALLS);
  /** Bindings that wait for something else first: as many as there are. */
  readonly #waiting = new PendingCalls(Infinity);

  constructor(options: SchedulerOptions) {
    const { clock, informers, profiles = DEFAULT_PROFILES, backoff } = options;
    this.#options = options;
    this.#slice = new TimeSlice(clock, SLICE_MS);
    const extenders = options.extenders?.map((settings) => new HttpExtender(settings, options));
    this.#extenders = new ExtenderChain(extenders ?? [], options.log);
    this.#profiles = new Map(profiles.map((profile) => [profile.schedulerName, this.#start(profile)]));
    const plugins = new Map([...this.#profiles].map(([name, { runner }]) => [name, runner.plugins]));
    this.#queue = new SchedulingQueue({ clock, profiles: plugins, ...(backoff === undefined ? {} : { backoff }) });
    const watched = { cache: this.#cache, queue: this.#queue, nominated: this.#nominated };
    this.#watch = new ClusterWatch({ informers, ...watched, schedulerNames: new Set(this.#profiles.keys()) });
  }

  #start({ schedulerName, plugins, chosen, percentageOfNodesToScore = 0 }: SchedulerProfile): RunningProfile {
    const { informers, random } = this.#options;
    const budgets = informers.informer<PodDisruptionBudget>(podDisruptionBudgets);
    const events = this.#options.recorderOf?.(schedulerName) ?? this.#options.events;
    const entries = plugins({
      ...this.#options,
      events,
      nominated: this.#nominated,
      extenders: this.#extenders,
      budgets: () => budgets.lister.list(),
      track: (work) => this.#calls.track(work),
      release: (preemptor, again) => this.#queue.release(preemptor, again),
    });
    const runner = new PluginRunner(entries, this.#nominated, chosen);
    const shared = { slice: this.#slice, extenders: this.#extenders };
    return { runner, search: new NodeSearch({ runner, random, ...shared, percentageOfNodesToScore }), events };
  }

  async run(): Promise<void> {
    const { signal, log } = this.#options;
    try {
      await this.#watch.start(signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.#queue.start(signal);
    log.info('the scheduler has started');
    while (!signal.aborted) {
      await this.#watch.applyChanges(this.#slice);
      const queued = this.#queue.pop();
      if (queued === undefined) await this.#queue.waitForPod(signal);
      else await this.#scheduleOne(queued);
      if (this.#calls.isFull) await this.#calls.room();
      if (this.#slice.isOver) await this.#slice.giveWay();
    }
    await this.#waiting.allDone();
    await this.#calls.allDone();
  }

  async #scheduleOne(queued: QueuedPod): Promise<void> {
    const { podInfo } = queued;
    const { pod } = podInfo;
    if (this.#isToBeSkipped(pod)) {
      this.#queue.done(podInfo.uid);
      return;
    }
    const cycle: Cycle = { pod, podInfo, state: new CycleState(), snapshot: this.#cache.takeSnapshot() };
    try {
      const result = await this.#profileOf(pod).search.findNode(cycle);
      if (result.type === 'found') this.#place(queued, cycle, result.nodeName);
      else if (result.type === 'unfit') await this.#unfit(queued, cycle, result.diagnosis);
      else this.#fail(queued, rejected(NO_NODES_MESSAGE, NONE));
    } catch (error) {
      // An extender that was being asked is not to blame for the end.
      if (!this.#options.signal.aborted) this.#fail(queued, errorOf(error));
    }
  }

  /** The watch passes on no pod of another name. */
  #profileOf({ spec }: Pod): RunningProfile {
    return this.#profiles.get(spec.schedulerName ?? '')!;
  }

  /** `skipPodSchedule` */
  #isToBeSkipped(pod: Pod): boolean {
    const { deletionTimestamp, namespace = '', name = '' } = pod.metadata;
    if (deletionTimestamp === undefined) return this.#cache.isAssumed(pod);
    this.#record(pod, 'FailedScheduling', `skip schedule deleting pod: ${namespace}/${name}`);
    return true;
  }

  /** From here on the pod counts as being on the node. */
  #place(queued: QueuedPod, cycle: Cycle, nodeName: string): void {
    if (!this.#cache.assumePod(cycle.podInfo, nodeName)) {
      // Someone else has bound it meanwhile.
      this.#queue.done(cycle.podInfo.uid);
      return;
    }
    if (this.#nominated.delete(cycle.podInfo.uid, nodeName)) this.#queue.moveBehind(cycle.podInfo);
    const { runner } = this.#profileOf(cycle.pod);
    const rejection = runner.runReserve(cycle, nodeName) ?? runner.runPermit(cycle, nodeName);
    if (rejection !== undefined) {
      this.#undo(cycle, nodeName);
      this.#fail(queued, rejectedAt(nodeName, rejection));
      return;
    }
    this.#queue.done(cycle.podInfo.uid);
    const calls = runner.preBindWaits(cycle) ? this.#waiting : this.#calls;
    calls.track(this.#bind(queued, cycle, nodeName));
  }

  async #bind(queued: QueuedPod, cycle: Cycle, nodeName: string): Promise<void> {
    const { log, signal } = this.#options;
    const { pod } = cycle;
    const { runner } = this.#profileOf(pod);
    const { namespace = '', name = '' } = pod.metadata;
    const isAnnounced = runner.preBindWaits(cycle);
    try {
      if (isAnnounced) await this.#patchStatus(queued, nominationPatch(pod, nodeName));
      const rejection = await runner.runPreBind(cycle, nodeName);
      if (rejection !== undefined) throw new Error(rejection.reasons.join(', '));
      if (!(await this.#extenders.bind(pod, nodeName))) await runner.runBind(cycle, nodeName);
      this.#record(pod, 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`);
      runner.runPostBind(cycle, nodeName);
    } catch (error) {
      log.debug('a pod was not bound', { kind: 'Pod', namespace, name, node: nodeName, error: String(error) });
      // What waits for volumes at the end stays announced, for the scheduler that starts next.
      if (signal.aborted) return;
      // `#fail` may not have seen it yet, and would leave it.
      if (isAnnounced) await this.#patchStatus(queued, nominationPatch(pod, ''));
      this.#undo(cycle, nodeName);
      // Others have been rejected for want of the room that was assumed taken.
      this.#queue.moveAll({ name: 'AssignedPodDelete', pod });
      this.#fail(queued, errorOf(error));
    }
  }

  #undo(cycle: Cycle, nodeName: string): void {
    this.#profileOf(cycle.pod).runner.runUnreserve(cycle, nodeName);
    this.#cache.forgetPod(cycle.podInfo);
  }

  async #unfit(queued: QueuedPod, cycle: Cycle, diagnosis: Diagnosis): Promise<void> {
    const { runner } = this.#profileOf(cycle.pod);
    const result = await runner.runPostFilter(cycle, diagnosis.rejections, this.#slice);
    const failure = rejected(fitErrorMessage(diagnosis, result?.message), diagnosis.rejectors);
    this.#fail(queued, { ...failure, nominatedNodeName: result?.nominatedNodeName });
  }

  /** Back into the queue, and tell the user why. */
  #fail(queued: QueuedPod, { reason, message, attempt, nominatedNodeName }: Failure): void {
    const { clock } = this.#options;
    const current = this.#watch.currentPod(queued.podInfo.pod);
    if (current === undefined || (current.spec.nodeName ?? '') !== '') {
      this.#queue.done(queued.podInfo.uid);
      return;
    }
    if (nominatedNodeName !== undefined && this.#nominated.set(queued.podInfo, nominatedNodeName)) {
      this.#queue.moveBehind(queued.podInfo);
    }
    this.#queue.addUnschedulable(queued, current, attempt);
    this.#record(current, 'FailedScheduling', truncateNote(message));
    const nomination = nominatedNodeName === undefined ? {} : { nominatedNodeName };
    const patch = unscheduledPatch(current, { reason, message, ...nomination }, formatTime(clock.now()));
    if (patch !== undefined) this.#calls.track(this.#patchStatus(queued, patch));
  }

  #record(pod: Pod, reason: 'Scheduled' | 'FailedScheduling', message: string): void {
    // Members of a list do not say what they are.
    const about = { ...pod, apiVersion: 'v1', kind: 'Pod' };
    const { type, action } = EVENT_FACTS[reason];
    this.#profileOf(pod).events.event(about, type, reason, message, { action });
  }

  async #patchStatus({ podInfo }: QueuedPod, body: Record<string, unknown>): Promise<void> {
    const { client, log } = this.#options;
    const { namespace = '', name = '' } = podInfo.pod.metadata;
    try {
      await client.patch(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
    } catch (error) {
      // The next failed attempt says it again.
      log.debug('a pod status was not written', { kind: 'Pod', namespace, name, error: String(error) });
    }
  }
}

function rejected(message: string, rejectors: ReadonlySet<string>): Failure {
  return { reason: 'Unschedulable', message, attempt: { type: 'rejected', rejectors }, nominatedNodeName: '' };
}

/** A rejection after the search: of the one node that was chosen. */
function rejectedAt(nodeName: string, rejection: PluginRejection): Failure {
  if (rejection.code === 'Error') return errorOf(new Error(rejection.reasons.join(', ')));
  const rejectors = new Set([rejection.plugin]);
  const rejections = new Map([[nodeName, rejection]]);
  return rejected(fitErrorMessage({ nodeCount: 1, rejections, rejectors }), rejectors);
}

function errorOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return { reason: 'SchedulerError', message, attempt: { type: 'error' }, nominatedNodeName: '' };
}
