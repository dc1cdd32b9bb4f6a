/**
 * The addresses and node ports of Services where several servers share a store: each chooses as it would alone, and
 * claims what it chose before the Service is stored. What another server has is noted and the choice made again, so
 * that refusals are the same as on a server of its own.
 */
import type { Service } from '../../../api/core/v1/service.ts';
import { ApiError, internalServerError } from '../../../api/machinery/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { Storage } from '../../storage/storage.ts';
import type { UndoWrite, WriteHook } from '../store.ts';
import { Claims } from './claims.ts';
import type { Owner, Undo } from './owned-range.ts';
import { ownerOf, ServiceAllocation } from './service-allocation.ts';
import type { ServiceAllocationOptions } from './service-allocation.ts';
import { RANGE_FULL } from './service-ranges.ts';

export interface SharedServiceAllocationOptions extends ServiceAllocationOptions {
  storage: Storage;
  /** Resolves once the lister shows everything that was stored before the call. */
  freshen(): Promise<void>;
  log: Logger;
}

/** Servers that choose the same value at the same time. */
const MAX_TRIES = 100;
/** Repairs that must see a claim without its Service before it goes (`numRepairsBeforeLeakCleanup`). */
const REPAIRS_BEFORE_CLEAN_UP = 3;

export class SharedServiceAllocation {
  readonly #local: ServiceAllocation;
  readonly #claims: Claims;
  readonly #options: SharedServiceAllocationOptions;
  /** Claims without a Service, by value: how many repairs have seen each. */
  #orphans = new Map<string, number>();
  /** To be added to the Store for the kind Service. Throws `ApiError` as `serviceAllocationHook` does. */
  readonly hook: WriteHook = {
    beforeCreate: (object) => this.#allocate(object as Service, undefined),
    beforeUpdate: (next, previous) => this.#allocate(next as Service, previous as Service),
    afterDelete: (object) => this.#release(object as Service),
  };

  constructor(options: SharedServiceAllocationOptions) {
    this.#options = options;
    this.#local = new ServiceAllocation(options);
    this.#claims = new Claims({
      storage: options.storage,
      prefix: '/registry/nocher.io/service-claims/',
      isUsedBy: (owner, value) => this.#isUsedBy(owner, value),
    });
  }

  /**
   * Claims what Services have and nobody has claimed (a store that was moved here), and ends claims without a Service
   * (of a server that crashed between the two). To be called before the first write, and now and then.
   */
  async repair(): Promise<void> {
    const { freshen, lister, log } = this.#options;
    await freshen();
    const owned = lister.list().flatMap((service) => {
      const owner = ownerOf(service);
      return this.#local.valuesOf(service).map((value) => ({ value, owner }));
    });
    for (const { value, owner } of owned) {
      const other = await this.#claims.take(value, owner);
      if (other !== undefined) log.error('two Services have the same value', { value, services: [owner, other] });
    }
    const seen = this.#orphans;
    this.#orphans = new Map();
    for (const [value, claim] of await this.#claims.all()) {
      if (await this.#isUsedBy(claim.owner, value)) continue;
      const repairs = (seen.get(value) ?? 0) + 1;
      if (claim.isLeaving || repairs >= REPAIRS_BEFORE_CLEAN_UP) await this.#claims.remove(value, claim);
      else this.#orphans.set(value, repairs);
    }
  }

  async #isUsedBy({ namespace, name, uid }: Owner, value: string): Promise<boolean> {
    const { freshen, lister } = this.#options;
    await freshen();
    const service = lister.get(namespace, name);
    return service?.metadata.uid === uid && this.#local.valuesOf(service).includes(value);
  }

  async #allocate(next: Service, previous: Service | undefined): Promise<UndoWrite> {
    const owner = ownerOf(next);
    const asked = structuredClone(next.spec);
    const before = new Set(this.#local.valuesOf(previous));
    for (const value of this.#local.valuesOf(next)) if (!before.has(value)) await this.#refresh(value);
    for (let tries = 1; ; tries++) {
      const undoLocal = await this.#allocateLocally(next, previous);
      const after = this.#local.valuesOf(next);
      const added = after.filter((value) => !before.has(value));
      const lost = await this.#claim(owner, added);
      if (lost === undefined) {
        const given = [...before].filter((value) => !after.includes(value));
        await Promise.all(given.map((value) => this.#claims.leave(value, owner)));
        return async () => {
          undoLocal();
          // The failed write may have happened all the same: what it claimed is not simply free.
          await this.#orLater(added.map((value) => this.#claims.leave(value, owner)));
        };
      }
      undoLocal();
      if (tries === MAX_TRIES) throw internalServerError('other servers take every value that is chosen; try again');
      await this.#refresh(lost);
      if (asked === undefined) delete next.spec;
      else next.spec = structuredClone(asked);
    }
  }

  async #release(service: Service): Promise<void> {
    this.#local.release(service);
    const owner = ownerOf(service);
    await this.#orLater(this.#local.valuesOf(service).map((value) => this.#claims.release(value, owner)));
  }

  /** When nothing seems to be left, what other servers have freed meanwhile is looked for. */
  async #allocateLocally(next: Service, previous: Service | undefined): Promise<Undo> {
    try {
      return this.#local.allocate(next, previous);
    } catch (error) {
      if (!(error instanceof ApiError && error.message.includes(RANGE_FULL))) throw error;
      const claims = await this.#claims.all();
      for (const value of this.#local.takenValues()) if (!claims.has(value)) this.#local.note(value, undefined);
      return this.#local.allocate(next, previous);
    }
  }

  async #refresh(value: string): Promise<void> {
    this.#local.note(value, await this.#claims.holder(value));
  }

  /** All of them, or none; gives the first that another has. */
  async #claim(owner: Owner, values: readonly string[]): Promise<string | undefined> {
    for (const [index, value] of values.entries()) {
      if ((await this.#claims.take(value, owner)) === undefined) continue;
      for (const taken of values.slice(0, index)) await this.#claims.release(taken, owner);
      return value;
    }
    return undefined;
  }

  /** What is not done now, the next repairs do. */
  async #orLater(work: readonly Promise<void>[]): Promise<void> {
    try {
      await Promise.all(work);
    } catch (error) {
      this.#options.log.warn('what a Service had claimed stays claimed until it is repaired', { error: String(error) });
    }
  }
}
