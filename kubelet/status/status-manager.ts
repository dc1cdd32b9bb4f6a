/**
 * Brings pod statuses to the API: only changes, in order for each pod, retried until the API has them or the pod is
 * gone (upstream `pkg/kubelet/status/status_manager.go`). It also deletes pods from the API that have ended.
 */
import { pods } from '../../api/core/v1/pod.ts';
import type { Pod, PodStatus } from '../../api/core/v1/pod/types.ts';
import { isConflict, isNotFound } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { createBackoff } from '../../client/backoff.ts';
import type { Client } from '../../client/client.ts';
import { compareResourceVersions } from '../../client/resource-version.ts';
import { statusPatch } from './status-patch.ts';

export interface StatusManagerOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
  /** How long a status waits for a newer one before it is sent. Default: not at all. */
  delayMs?: number | undefined;
}

interface Entry {
  pod: Pod;
  /** What the API had at that resourceVersion. */
  recorded: PodStatus;
  resourceVersion: string;
  wanted: PodStatus;
  /** The last that was wanted and that the API has taken. */
  sent: PodStatus;
  /** Delete it, once the status is there. */
  deletes: boolean;
  sending: Promise<void> | undefined;
}

export class StatusManager {
  readonly #options: StatusManagerOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: StatusManagerOptions) {
    this.#options = options;
  }

  /** The last status that was set for this pod, if any: newer than the one in the API. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.wanted;
  }

  /** Reports this status, also over what somebody else has written since the last report; returns at once. */
  set(pod: Pod, status: PodStatus): void {
    const entry = this.#entryOf(pod);
    entry.wanted = status;
    this.#send(entry);
  }

  /** Removes the pod from the API after its last status; the object of another pod with its name is left alone. */
  delete(pod: Pod): void {
    const entry = this.#entryOf(pod);
    entry.deletes = true;
    this.#send(entry);
  }

  /** The pod is gone: nothing more is sent. */
  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  /** Resolves when what was set so far has been sent or given up. */
  async settled(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ sending }) => sending));
  }

  #entryOf(pod: Pod): Entry {
    const uid = pod.metadata.uid ?? '';
    let entry = this.#entries.get(uid);
    if (entry === undefined) {
      const recorded = pod.status ?? {};
      const { resourceVersion = '' } = pod.metadata;
      entry = { pod, recorded, resourceVersion, wanted: recorded, sent: recorded, deletes: false, sending: undefined };
      this.#entries.set(uid, entry);
    }
    entry.pod = pod;
    observe(entry, pod);
    return entry;
  }

  #send(entry: Entry): void {
    entry.sending ??= this.#drain(entry);
  }

  async #drain(entry: Entry): Promise<void> {
    const { clock, random, signal, delayMs } = this.#options;
    if (delayMs !== undefined) await sleep(clock, delayMs, signal);
    const backoff = createBackoff({ initialMs: 100, maxMs: 10_000, random });
    while (this.#hasWork(entry)) {
      try {
        await this.#step(entry);
        backoff.reset();
      } catch (error) {
        if (await this.#isGone(entry, error)) this.#entries.delete(entry.pod.metadata.uid ?? '');
        else await sleep(clock, backoff.nextMs(), signal);
      }
    }
    // In the same turn as the last look at the entry, so that a status set meanwhile is not left lying.
    entry.sending = undefined;
  }

  #hasWork(entry: Entry): boolean {
    const isLive = !this.#options.signal.aborted && this.#entries.get(entry.pod.metadata.uid ?? '') === entry;
    return isLive && (entry.deletes || entry.wanted !== entry.sent);
  }

  async #isGone(entry: Entry, error: unknown): Promise<boolean> {
    const { client, log } = this.#options;
    const { namespace = '', name = '', uid } = entry.pod.metadata;
    if (isNotFound(error)) return true;
    log.warn('cannot report the status of a pod', { pod: { kind: 'Pod', namespace, name }, error: String(error) });
    if (!isConflict(error)) return false;
    try {
      return (await client.get<Pod>(pods, { namespace, name })).metadata.uid !== uid;
    } catch (failure) {
      return isNotFound(failure);
    }
  }

  /** One write. */
  async #step(entry: Entry): Promise<void> {
    const { client } = this.#options;
    const { namespace = '', name = '', uid = '' } = entry.pod.metadata;
    const { wanted } = entry;
    if (entry.sent === wanted) {
      await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
      this.#entries.delete(uid);
      return;
    }
    const status = statusPatch(entry.recorded, wanted);
    if (status !== undefined) {
      const body = { metadata: { uid }, status };
      observe(
        entry,
        await client.patch<Pod>(pods, { namespace, name }, { type: 'strategic', subresource: 'status', body }),
      );
    }
    entry.sent = wanted;
  }
}

/** Takes over what the API has, unless it is known to have something later. */
function observe(entry: Entry, { metadata, status = {} }: Pod): void {
  const { resourceVersion = '' } = metadata;
  if (compareResourceVersions(resourceVersion, entry.resourceVersion) <= 0) return;
  entry.recorded = status;
  entry.resourceVersion = resourceVersion;
}
