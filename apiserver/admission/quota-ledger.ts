/**
 * Charges requests to the quotas of their namespaces, one batch a namespace at a time: all that wait are checked
 * together and the quotas written once, by compare-and-swap, since another server may charge them, too
 * (apiserver `pkg/admission/plugin/resourcequota/controller.go`, `quotaEvaluator`).
 */
import type { ResourceQuota } from '../../api/core/v1/quota/types.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { QuotaRequest, RunningQuota } from './quota-check.ts';
import { checkRequest } from './quota-check.ts';

/** The stored quotas. */
export interface QuotaStore {
  /** From the cache, frozen. */
  list(namespace: string): readonly ResourceQuota[];
  /** Resolves once the cache shows all that was stored before the call. */
  freshen(): Promise<void>;
  /** False when another write came first. */
  writeUsed(quota: ResourceQuota, used: Record<string, string>): Promise<boolean>;
}

interface Waiter {
  request: QuotaRequest;
  /** What it is told first stands. */
  done(failure?: unknown): void;
  isDone: boolean;
}

/** More often than upstream, whose callers try again themselves. */
const MAX_ATTEMPTS = 10;

export class QuotaLedger {
  readonly #store: QuotaStore;
  /** Of namespaces in which a batch is under way. */
  readonly #waiting = new Map<string, Waiter[]>();

  constructor(store: QuotaStore) {
    this.#store = store;
  }

  /** Throws `ApiError` when the request does not fit; else it has been charged, unless it is a dry run. */
  charge(namespace: string, request: QuotaRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        request,
        isDone: false,
        done(failure) {
          if (waiter.isDone) return;
          waiter.isDone = true;
          if (failure === undefined) resolve();
          else reject(failure as Error);
        },
      };
      const waiting = this.#waiting.get(namespace);
      if (waiting !== undefined) waiting.push(waiter);
      else void this.#work(namespace, [waiter]);
    });
  }

  async #work(namespace: string, first: Waiter[]): Promise<void> {
    for (let batch = first; batch.length > 0; batch = this.#waiting.get(namespace)!) {
      this.#waiting.set(namespace, []);
      try {
        await this.#chargeBatch(namespace, batch);
      } catch (error) {
        for (const waiter of batch) waiter.done(error);
      }
    }
    this.#waiting.delete(namespace);
  }

  async #chargeBatch(namespace: string, batch: readonly Waiter[]): Promise<void> {
    let only: ReadonlySet<string> | undefined;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      await this.#store.freshen();
      const quotas = this.#store.list(namespace).filter(({ metadata }) => only?.has(metadata.name!) !== false);
      const lost = await this.#write(check(quotas, batch));
      if (lost.size === 0) {
        for (const waiter of batch) waiter.done();
        return;
      }
      only = lost;
    }
    throw errors.conflict({ group: '', resource: 'resourcequotas' }, [...only!][0]!, errors.OPTIMISTIC_LOCK_MESSAGE);
  }

  /** Gives the names of the quotas that others have written meanwhile. */
  async #write(running: readonly RunningQuota[]): Promise<Set<string>> {
    const lost = new Set<string>();
    for (const { quota, used } of running) {
      if (used.size === 0) continue;
      const texts = Object.fromEntries([...used].map(([name, amount]) => [name, amount.toString()]));
      if (!(await this.#store.writeUsed(quota, { ...quota.status?.used, ...texts }))) lost.add(quota.metadata.name!);
    }
    return lost;
  }
}

/** The quotas with all requests that fit; the others are told at once, as are those that change nothing. */
function check(quotas: readonly ResourceQuota[], batch: readonly Waiter[]): readonly RunningQuota[] {
  let running: readonly RunningQuota[] = quotas.map((quota) => ({ quota, used: new Map() }));
  for (const waiter of batch) {
    if (waiter.isDone) continue;
    try {
      const next = checkRequest(running, waiter.request);
      if (next === running || waiter.request.attributes.dryRun) waiter.done();
      else running = next;
    } catch (error) {
      waiter.done(error);
    }
  }
  return running;
}
