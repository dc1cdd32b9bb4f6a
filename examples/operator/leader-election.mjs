// Of all processes of the operator one works at a time: the one that holds a Lease. The others wait for it to give the
// Lease back, or to stop renewing it.
import { CoordinationV1Api, V1MicroTime } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';

const isConflict = (error) => error.code === 404 || error.code === 409;

export class LeaderElection {
  #api;
  #options;
  /** When the holder that we saw last was seen to renew, by our own clock: clocks differ from machine to machine. */
  #seen = { record: '', atMs: 0 };

  /** `options`: namespace, name and identity, and for how many seconds a Lease holds (durationSeconds). */
  constructor(kubeConfig, options) {
    this.#api = kubeConfig.makeApiClient(CoordinationV1Api);
    this.#options = options;
  }

  get #retryMs() {
    return (this.#options.durationSeconds * 1000) / 5;
  }

  /** Resolves when this process leads; false when `signal` came first. */
  async acquire(signal) {
    while (!signal.aborted) {
      if (await this.#tries()) return true;
      await sleep(this.#retryMs, undefined, { signal }).catch(() => {});
    }
    return false;
  }

  /** Keeps the Lease until `signal`, and gives it back then. Rejects when it is lost. */
  async hold(signal) {
    let renewedMs = performance.now();
    while (!signal.aborted) {
      await sleep(this.#retryMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      if (await this.#tries()) renewedMs = performance.now();
      // Earlier than others may take it.
      else if (performance.now() - renewedMs > this.#options.durationSeconds * 800)
        throw new Error('the Lease is lost');
    }
    await this.#release();
  }

  /** Takes or renews the Lease, as far as it is free or ours. */
  async #tries() {
    try {
      const lease = await this.#read();
      if (lease === undefined) return await this.#create();
      if (!this.#isFree(lease)) return false;
      return await this.#write(lease, this.#options.identity);
    } catch (error) {
      if (!isConflict(error)) console.error(`the Lease: ${error.message}`);
      return false;
    }
  }

  async #read() {
    const { name, namespace } = this.#options;
    try {
      return await this.#api.readNamespacedLease({ name, namespace });
    } catch (error) {
      if (error.code === 404) return undefined;
      throw error;
    }
  }

  #isFree({ spec }) {
    const { holderIdentity = '', renewTime, leaseDurationSeconds = 0 } = spec;
    if (holderIdentity === '' || holderIdentity === this.#options.identity) return true;
    const record = `${holderIdentity} ${renewTime}`;
    if (this.#seen.record !== record) this.#seen = { record, atMs: performance.now() };
    return performance.now() - this.#seen.atMs > leaseDurationSeconds * 1000;
  }

  async #create() {
    const { name, namespace, identity, durationSeconds } = this.#options;
    const now = new V1MicroTime();
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: durationSeconds,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    await this.#api.createNamespacedLease({ namespace, body: { metadata: { name, namespace }, spec } });
    return true;
  }

  /** With the resource version that was read: of two that take it at once, one gets a conflict. */
  async #write(lease, holderIdentity) {
    const { name, namespace, durationSeconds } = this.#options;
    const isTaken = lease.spec.holderIdentity !== holderIdentity;
    const now = new V1MicroTime();
    lease.spec = {
      ...lease.spec,
      holderIdentity,
      leaseDurationSeconds: durationSeconds,
      renewTime: now,
      acquireTime: isTaken ? now : lease.spec.acquireTime,
      leaseTransitions: (lease.spec.leaseTransitions ?? 0) + (isTaken ? 1 : 0),
    };
    await this.#api.replaceNamespacedLease({ name, namespace, body: lease });
    return true;
  }

  /** So that the next one need not wait. */
  async #release() {
    try {
      const lease = await this.#read();
      if (lease?.spec.holderIdentity === this.#options.identity) await this.#write(lease, '');
    } catch (error) {
      console.error(`the Lease could not be given back: ${error.message}`);
    }
  }
}
