/**
 * What servers that share a store have taken: a key for each value, made before the object that owns the value is
 * stored (upstream: the RangeAllocation objects, now IPAddress objects). A claim whose owner may be stored without the
 * value (an update that gives it up, a write that failed and may have happened) is *leaving*: another may take it over
 * once the owner is seen without it.
 */
import type { Entry, Storage } from '../../storage/storage.ts';
import { StorageError } from '../../storage/storage.ts';
import type { Owner } from './owned-range.ts';

export interface Claim {
  owner: Owner;
  isLeaving: boolean;
  revision: number;
}

export interface ClaimsOptions {
  storage: Storage;
  /** `/registry/nocher.io/service-claims/` */
  prefix: string;
  /** Whether the owner, as it is stored at the time of the call, has the value. */
  isUsedBy(owner: Owner, value: string): Promise<boolean>;
}

const RACES: ReadonlySet<string> = new Set(['key-exists', 'key-not-found', 'revision-mismatch']);

export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Who has the value; undefined when it is free, or left. */
  async holder(value: string): Promise<Owner | undefined> {
    const claim = await this.#read(value);
    return claim === undefined || (await this.#isLeft(value, claim)) ? undefined : claim.owner;
  }

  /** Takes the value, or gives the one who has it. */
  async take(value: string, owner: Owner): Promise<Owner | undefined> {
    for (;;) {
      const claim = await this.#read(value);
      const isFree = claim === undefined || claim.owner.uid === owner.uid || (await this.#isLeft(value, claim));
      if (!isFree) return claim.owner;
      if (await this.#write(value, { owner, isLeaving: false }, claim?.revision)) return undefined;
    }
  }

  /** The owner is about to be stored without the value, or may not have been stored with it. */
  async leave(value: string, owner: Owner): Promise<void> {
    const claim = await this.#read(value);
    if (claim?.owner.uid !== owner.uid) return;
    await this.#write(value, { owner, isLeaving: true }, claim.revision);
  }

  /** The owner is gone. */
  async release(value: string, owner: Owner): Promise<void> {
    const claim = await this.#read(value);
    if (claim?.owner.uid === owner.uid) await this.remove(value, claim);
  }

  /** Does nothing when it has changed since it was read. */
  async remove(value: string, { revision }: Claim): Promise<void> {
    const { storage, prefix } = this.#options;
    await unlessRaced(storage.delete(`${prefix}${value}`, { expectedRevision: revision }));
  }

  async all(): Promise<Map<string, Claim>> {
    const { storage, prefix } = this.#options;
    const { entries } = await storage.list({ prefix });
    return new Map(entries.map((entry) => [entry.key.slice(prefix.length), claimOf(entry)]));
  }

  async #read(value: string): Promise<Claim | undefined> {
    const { storage, prefix } = this.#options;
    const entry = await storage.get(`${prefix}${value}`);
    return entry && claimOf(entry);
  }

  async #isLeft(value: string, { isLeaving, owner }: Claim): Promise<boolean> {
    return isLeaving && !(await this.#options.isUsedBy(owner, value));
  }

  /** False when another write came first. */
  async #write(value: string, claim: Omit<Claim, 'revision'>, expectedRevision: number | undefined): Promise<boolean> {
    const { storage, prefix } = this.#options;
    const key = `${prefix}${value}`;
    const bytes = new TextEncoder().encode(JSON.stringify(claim));
    return unlessRaced(
      expectedRevision === undefined ? storage.create(key, bytes) : storage.update(key, bytes, { expectedRevision }),
    );
  }
}

function claimOf({ value, modRevision }: Entry): Claim {
  return { ...(JSON.parse(new TextDecoder().decode(value)) as Omit<Claim, 'revision'>), revision: modRevision };
}

async function unlessRaced(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof StorageError && RACES.has(error.code)) return false;
    throw error;
  }
}
