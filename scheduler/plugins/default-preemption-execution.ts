/**
 * Carries a preemption out beside the scheduling of other pods (`framework/preemption/preemption.go
 * prepareCandidateAsync`): marks the victims and deletes them. The preemptor waits outside the queue meanwhile.
 */
import { pods } from '../../api/core/v1/pod.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isConflict, isNotFound } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { formatTime } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { nominatedNodeOf } from '../nominated-pods.ts';
import type { NominatedPods } from '../nominated-pods.ts';
import { conditionPatch } from '../pod-condition.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Candidate } from './default-preemption-victims.ts';

export interface PreemptionOptions {
  client: Client;
  events: EventRecorder;
  clock: Clock;
  log: Logger;
  nominated: NominatedPods;
  /** Owns work that nobody waits for. */
  track(work: Promise<void>): void;
  /** The preemptor need not stay out of the queue any longer; with `again`, it is to be tried now. */
  release(preemptor: PodInfo, again: boolean): void;
}

export class PreemptionExecutor {
  readonly #options: PreemptionOptions;
  /** Preemptors, by uid. */
  readonly #running = new Set<string>();

  constructor(options: PreemptionOptions) {
    this.#options = options;
  }

  isRunning(uid: string): boolean {
    return this.#running.has(uid);
  }

  /** Returns at once. Pods that are going already are left alone. */
  start(preemptor: PodInfo, { nodeName, victims }: Candidate): void {
    const present = victims.filter(({ pod }) => pod.metadata.deletionTimestamp === undefined);
    if (present.length === 0) return;
    this.#running.add(preemptor.uid);
    this.#options.track(this.#run(preemptor, { nodeName, victims: present.map(({ pod }) => pod) }));
  }

  async #run(preemptor: PodInfo, { nodeName, victims }: { nodeName: string; victims: Pod[] }): Promise<void> {
    const { log, release } = this.#options;
    const outcomes = await Promise.allSettled([
      ...this.#outranked(preemptor, nodeName).map((pod) => this.#takeBack(pod)),
      ...victims.map((victim) => this.#preempt(victim, preemptor.pod, nodeName)),
    ]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      const { namespace, name } = preemptor.pod.metadata;
      log.warn('a pod was not preempted', { for: { kind: 'Pod', namespace, name }, error: String(failed.reason) });
    }
    this.#running.delete(preemptor.uid);
    release(preemptor, failed !== undefined);
  }

  /** Pods of lower priority that had been promised the node. */
  #outranked({ priority }: PodInfo, nodeName: string): Pod[] {
    const nominated = this.#options.nominated.onNode(nodeName);
    return nominated.filter((podInfo) => podInfo.priority < priority).map(({ pod }) => pod);
  }

  async #takeBack(pod: Pod): Promise<void> {
    if (nominatedNodeOf(pod) === '') return;
    const { uid, namespace = '', name = '' } = pod.metadata;
    const body = { metadata: { uid }, status: { nominatedNodeName: null } };
    await this.#unlessGone(
      this.#options.client.patch(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' }),
    );
  }

  async #preempt(victim: Pod, preemptor: Pod, nodeName: string): Promise<void> {
    const { client, clock, events } = this.#options;
    const { uid, namespace = '', name = '' } = victim.metadata;
    const body = conditionPatch(victim, disruption(preemptor), formatTime(clock.now()));
    if (body !== undefined) {
      const patch = client.patch(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
      if (!(await this.#unlessGone(patch))) return;
    }
    const precondition = uid === undefined ? {} : { preconditions: { uid } };
    if (!(await this.#unlessGone(client.delete(pods, { namespace, name }, precondition)))) return;
    const message = `Preempted by pod ${preemptor.metadata.uid ?? ''} on node ${nodeName}`;
    const related = { ...preemptor, apiVersion: 'v1', kind: 'Pod' };
    const about = { ...victim, apiVersion: 'v1', kind: 'Pod' };
    events.event(about, 'Normal', 'Preempted', message, { action: 'Preempting', related });
  }

  /** `false` when there is no such pod any more, or another one of its name. */
  async #unlessGone(call: Promise<unknown>): Promise<boolean> {
    try {
      await call;
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return false;
      throw error;
    }
  }
}

function disruption({ spec }: Pod): { type: string; status: 'True'; reason: string; message: string } {
  return {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'PreemptionByScheduler',
    message: `${spec.schedulerName ?? ''}: preempting to accommodate a higher priority pod`,
  };
}
