/**
 * One leader among processes, by a Lease (client-go `tools/leaderelection`).
 *
 * Guarantees: at most one process believes to lead, as long as clocks run at about the same speed (they need not
 * agree): a candidate waits out the lease from the moment it saw the last renewal, the leader gives up before that.
 */
import type { ApiObject } from '../api/machinery/meta.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../api/machinery/errors.ts';
import { formatMicroTime, sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import type { EventRecorder } from './events.ts';

export interface LeaderElectionOptions {
  client: Client;
  /** The coordination.k8s.io/v1 Lease kind. */
  resource: ResourceRef;
  lease: { namespace: string; name: string };
  /** Unique to this process. */
  identity: string;
  clock: Clock;
  random: Random;
  log: Logger;
  events: EventRecorder;
  signal: AbortSignal;
  leaseDurationMs?: number;
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
}

const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_PERIOD_MS = 2_000;
const JITTER = 1.2;

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

interface Lease extends ApiObject {
  spec?: LeaseSpec;
}

/**
 * Waits until this process leads, then calls `lead` with a signal that aborts when leadership is lost or the options'
 * signal aborts. Resolves once `lead` has ended: `stopped` when asked to stop (the lease is released), `lost` when the
 * lease could not be renewed in time: the caller must not go on as if it led.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  lead: (signal: AbortSignal) => Promise<void>,
): Promise<'stopped' | 'lost'> {
  const election = new Election(options);
  if (!(await election.acquire())) return 'stopped';
  const lost = new AbortController();
  const leading = lead(AbortSignal.any([options.signal, lost.signal]));
  const renewing = election.renew();
  const outcome = await Promise.race([renewing, leading.then(() => 'stopped' as const)]).catch(
    async (error: unknown) => {
      lost.abort();
      await election.stop('stopped');
      throw error;
    },
  );
  lost.abort();
  await leading;
  await election.stop(outcome);
  return outcome;
}

class Election {
  readonly #options: LeaderElectionOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #ended = new AbortController();
  /** The lease as last seen, and when (by our clock) it was first seen like that. */
  #observed: { lease: Lease; atMs: number } | undefined;
  #renewing: Promise<unknown> = Promise.resolve();

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? LEASE_DURATION_MS;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? RENEW_DEADLINE_MS;
    this.#retryPeriodMs = options.retryPeriodMs ?? RETRY_PERIOD_MS;
  }

  /** False when the signal aborted first. */
  async acquire(): Promise<boolean> {
    const { clock, random, signal, log, identity, lease } = this.#options;
    while (!signal.aborted) {
      if (await this.#tryAcquireOrRenew()) {
        log.info('became leader', { lease, identity });
        this.#record('became leader');
        return true;
      }
      await sleep(clock, this.#retryPeriodMs * (1 + JITTER * random.float()), signal);
    }
    return false;
  }

  /** Resolves with `lost` when no renewal succeeded within the deadline, with `stopped` when the election ends. */
  renew(): Promise<'stopped' | 'lost'> {
    const renewing = this.#renew();
    this.#renewing = renewing;
    return renewing;
  }

  async #renew(): Promise<'stopped' | 'lost'> {
    const { clock } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, this.#ended.signal]);
    let renewedMs = clock.monotonicMs();
    while (!signal.aborted) {
      await sleep(clock, this.#retryPeriodMs, signal);
      if (signal.aborted) break;
      const leftMs = renewedMs + this.#renewDeadlineMs - clock.monotonicMs();
      if (await this.#tryWithin(leftMs)) renewedMs = clock.monotonicMs();
      else if (clock.monotonicMs() - renewedMs >= this.#renewDeadlineMs) return 'lost';
    }
    return 'stopped';
  }

  async stop(outcome: 'stopped' | 'lost'): Promise<void> {
    this.#ended.abort();
    await this.#renewing;
    const { log, identity, lease } = this.#options;
    log.info('stopped leading', { lease, identity, outcome });
    this.#record('stopped leading');
    if (outcome === 'stopped') await this.#release();
  }

  /** A request that hangs must not outlast the deadline. */
  async #tryWithin(timeoutMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const waited = new AbortController();
    const timeout = sleep(clock, Math.max(0, timeoutMs), waited.signal).then(() => false);
    const result = await Promise.race([this.#tryAcquireOrRenew(), timeout]);
    waited.abort();
    return result;
  }

  /** Never throws: what fails is tried again. */
  async #tryAcquireOrRenew(): Promise<boolean> {
    try {
      return await this.#acquireOrRenew();
    } catch (error) {
      const { log, lease } = this.#options;
      const isRace = isConflict(error) || isAlreadyExists(error);
      log[isRace ? 'debug' : 'warn']('acquiring or renewing the lease failed', { lease, error: String(error) });
      return false;
    }
  }

  async #acquireOrRenew(): Promise<boolean> {
    const { client, resource, lease: name, clock, identity } = this.#options;
    const current = await this.#read();
    const now = formatMicroTime(clock.now());
    const leaseDurationSeconds = Math.ceil(this.#leaseDurationMs / 1000);
    const renewal: LeaseSpec = { holderIdentity: identity, leaseDurationSeconds, renewTime: now };
    if (current === undefined) {
      const spec = { ...renewal, acquireTime: now, leaseTransitions: 0 };
      this.#observe(await client.create<Lease>(resource, { ...this.#emptyLease(), metadata: { ...name }, spec }));
      return true;
    }
    this.#observe(current);
    const holder = current.spec?.holderIdentity ?? '';
    if (holder !== '' && holder !== identity && !this.#hasExpired()) return false;
    const { acquireTime, leaseTransitions = 0 } = current.spec ?? {};
    const spec: LeaseSpec =
      holder === identity
        ? { ...current.spec, ...renewal, acquireTime: acquireTime ?? now, leaseTransitions }
        : { ...current.spec, ...renewal, acquireTime: now, leaseTransitions: leaseTransitions + 1 };
    this.#observe(await client.update<Lease>(resource, { ...current, spec }));
    return true;
  }

  async #read(): Promise<Lease | undefined> {
    const { client, resource, lease } = this.#options;
    try {
      return await client.get<Lease>(resource, lease);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #emptyLease(): Pick<ApiObject, 'apiVersion' | 'kind'> {
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
  }

  #observe(lease: Lease): void {
    if (this.#observed?.lease.metadata.resourceVersion === lease.metadata.resourceVersion && this.#observed) return;
    this.#observed = { lease, atMs: this.#options.clock.monotonicMs() };
  }

  #hasExpired(): boolean {
    const { lease, atMs } = this.#observed!;
    const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000;
    return atMs + durationMs <= this.#options.clock.monotonicMs();
  }

  /** Lets the next candidate take over at once; best effort. */
  async #release(): Promise<void> {
    const { client, resource, identity, clock, log, lease: name } = this.#options;
    try {
      const current = await this.#read();
      if (current?.spec?.holderIdentity !== identity) return;
      const now = formatMicroTime(clock.now());
      const { holderIdentity: _released, ...rest } = current.spec;
      const spec: LeaseSpec = { ...rest, leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
      await client.update<Lease>(resource, { ...current, spec });
    } catch (error) {
      log.warn('releasing the lease failed', { lease: name, error: String(error) });
    }
  }

  #record(what: string): void {
    const { events, identity, lease: name } = this.#options;
    const object = this.#observed?.lease ?? { metadata: { ...name } };
    events.event({ ...this.#emptyLease(), ...object }, 'Normal', 'LeaderElection', `${identity} ${what}`);
  }
}
