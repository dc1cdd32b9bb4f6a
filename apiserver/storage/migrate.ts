/**
 * Moves what one store holds into an empty one. Revisions go on where they were: the new store is written to until it
 * is past the old one's revision, and compacted there, so that a client that watched the old store is told to list
 * again (410) and never takes an old revision for a new one.
 */
import type { Storage } from './storage.ts';
import { StorageError } from './storage.ts';

const PAGE = 1_000;
/** Writes under way at once: etcd commits what arrives together. */
const CONCURRENCY = 128;
/** Beside the keys of the API, and gone when the migration ends. */
const SCRATCH_PREFIX = '/nocher/migration/';

export interface Migration {
  from: Storage;
  to: Storage;
  /** Of the keys to move. */
  prefix: string;
  /** Called now and then: what is being done, and how far it is. */
  onProgress?: (step: 'objects' | 'revisions', done: number, total: number) => void;
}

export interface MigrationResult {
  objects: number;
  /** Of the new store when everything is in it. */
  revision: number;
}

/** Throws `key-exists` when the new store has keys of the prefix already. Nothing else may write to either. */
export async function migrate(migration: Migration): Promise<MigrationResult> {
  const { from, to, prefix } = migration;
  const there = await to.list({ prefix, limit: 1 });
  if (there.entries.length > 0) {
    throw new StorageError('key-exists', `the new store is not empty: it has ${there.entries[0]!.key}`);
  }
  const objects = await copyObjects(migration);
  await passRevision(migration, await from.currentRevision());
  const revision = await to.currentRevision();
  await to.compact(revision);
  return { objects, revision };
}

async function copyObjects({ from, to, prefix, onProgress }: Migration): Promise<number> {
  let done = 0;
  let fromKey: string | undefined = prefix;
  let revision: number | undefined;
  while (fromKey !== undefined) {
    const page = await from.list({ prefix, fromKey, limit: PAGE, ...(revision === undefined ? {} : { revision }) });
    revision = page.revision;
    await inParallel(page.entries, async ({ key, value }) => void (await to.create(key, value)));
    done += page.entries.length;
    onProgress?.('objects', done, done + (page.remaining ?? 0));
    fromKey = page.more ? `${page.entries.at(-1)!.key}\0` : undefined;
  }
  return done;
}

/** Writes until the new store's revision is greater than `revision`. */
async function passRevision({ to, onProgress }: Migration, revision: number): Promise<void> {
  const first = await to.currentRevision();
  let newest = first;
  const value = new Uint8Array(0);
  const chains = Array.from({ length: CONCURRENCY }, (_, i) => `${SCRATCH_PREFIX}${i}`);
  await inParallel(chains, async (key) => {
    let at = await to.create(key, value);
    for (let turn = 0; at <= revision; turn++) {
      at = await to.update(key, value, { expectedRevision: at });
      newest = Math.max(newest, at);
      if (turn % 10 === 0) onProgress?.('revisions', Math.min(newest, revision) - first, Math.max(0, revision - first));
    }
    await to.delete(key, { expectedRevision: at });
  });
}

async function inParallel<T>(items: readonly T[], one: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await one(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
}
