/**
 * The storage contract on an etcd cluster (API v3), with the key layout of Kubernetes: the store for several API
 * servers. Consistency, durability and history are etcd's; this file says them in the contract's terms.
 *
 * A write that fails with `unavailable` may have happened all the same when the connection broke under it: the caller
 * reads again before it decides anew, as with every etcd client.
 */
import { Etcd3 } from 'etcd3';
import type { IKeyValue, IRangeResponse, ITxnResponse } from 'etcd3';
import type { Clock } from '../../base/clock.ts';
import { callEtcd } from './etcd-call.ts';
import { clientOptions } from './etcd-options.ts';
import type { EtcdOptions } from './etcd-options.ts';
import { watchEtcd } from './etcd-watch.ts';
import { prefixEnd } from './key-range.ts';
import type { Entry, ListResult, Storage, StorageEvent, WatchOptions } from './storage.ts';
import { StorageError } from './storage.ts';

/** Keys of one request of a long list, as kube-apiserver's own cache asks for them. */
const LIST_PAGE = 10_000;

/** Checks that the cluster answers, so that a wrong address is an error at start. Throws `unavailable`. */
export async function openEtcdStorage(options: EtcdOptions, clock: Clock): Promise<Storage> {
  const storage = new EtcdStorage(new Etcd3(clientOptions(options, clock)));
  try {
    await storage.currentRevision();
  } catch (error) {
    await storage.close();
    throw error;
  }
  return storage;
}

class EtcdStorage implements Storage {
  readonly isShared = true;
  readonly #etcd: Etcd3;
  readonly #stop = new AbortController();
  /** The question for the revision that has not been sent yet: those who ask meanwhile share it. */
  #nextRevision: Promise<number> | undefined;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(etcd: Etcd3) {
    this.#etcd = etcd;
  }

  /** One question at a time: whoever asks while one is under way gets the answer of the next. */
  currentRevision(): Promise<number> {
    this.#nextRevision ??= this.#asking
      .catch(() => undefined)
      .then(() => {
        this.#nextRevision = undefined;
        this.#asking = this.#range({ key: Buffer.from('/'), keys_only: true });
        return this.#asking as Promise<IRangeResponse>;
      })
      .then(({ header }) => Number(header.revision));
    return this.#nextRevision;
  }

  async get(key: string): Promise<Entry | undefined> {
    const { kvs } = await this.#range({ key: Buffer.from(key) });
    return kvs[0] && entryOf(kvs[0]);
  }

  async list({ prefix, fromKey = '', limit = Infinity, revision }: ListRequest): Promise<ListResult> {
    const range_end = prefixEnd(prefix);
    const entries: Entry[] = [];
    let key = Buffer.from(fromKey > prefix ? fromKey : prefix);
    let at = revision;
    for (;;) {
      // A range that begins after its end is no range to etcd.
      if (Buffer.compare(key, range_end) >= 0) return this.#emptyList(at);
      const page = Math.min(LIST_PAGE, limit - entries.length);
      const { kvs, header, count } = await this.#range({ key, range_end, limit: page, revision: at ?? 0 });
      at ??= Number(header.revision);
      for (const kv of kvs) entries.push(entryOf(kv));
      const remaining = Number(count) - kvs.length;
      if (remaining === 0 || entries.length >= limit) return { revision: at, entries, more: remaining > 0, remaining };
      key = Buffer.concat([kvs.at(-1)!.key, Buffer.of(0)]);
    }
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    const keyBytes = Buffer.from(key);
    const { succeeded, header, found } = await this.#compareAndSwap(keyBytes, {
      expectedRevision: 0,
      operation: { request_put: { key: keyBytes, value: bufferOf(value) } },
    });
    if (succeeded) return Number(header.revision);
    throw new StorageError('key-exists', `key exists: ${key}`, Number(found?.mod_revision));
  }

  async update(key: string, value: Uint8Array, { expectedRevision }: { expectedRevision: number }): Promise<number> {
    const keyBytes = Buffer.from(key);
    const operation = { request_put: { key: keyBytes, value: bufferOf(value) } };
    return this.#change(key, { expectedRevision, operation });
  }

  async delete(key: string, { expectedRevision }: { expectedRevision: number }): Promise<number> {
    const operation = { request_delete_range: { key: Buffer.from(key) } };
    return this.#change(key, { expectedRevision, operation });
  }

  async *watch(options: WatchOptions): AsyncGenerator<StorageEvent[]> {
    const { afterRevision, signal } = options;
    this.#checkOpen();
    if (signal.aborted) return;
    // etcd waits for a revision that is ahead, and knows of a compaction one revision later than the contract.
    await this.#range({ key: Buffer.from('/'), count_only: true, revision: Math.max(1, afterRevision) });
    yield* watchEtcd(this.#etcd, { ...options, signal: AbortSignal.any([signal, this.#stop.signal]) });
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    try {
      await callEtcd(() => this.#etcd.kv.compact({ revision }), { mayRepeat: true });
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'compacted')) throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#etcd.close();
  }

  #checkOpen(): void {
    if (this.#stop.signal.aborted) throw new StorageError('closed', 'storage is closed');
  }

  async #change(key: string, change: Change): Promise<number> {
    // Revision 0 is what etcd gives a key that there is not: it must not match.
    const expectedRevision = change.expectedRevision <= 0 ? -1 : change.expectedRevision;
    const { succeeded, header, found } = await this.#compareAndSwap(Buffer.from(key), { ...change, expectedRevision });
    if (succeeded) return Number(header.revision);
    if (found === undefined) throw new StorageError('key-not-found', `key not found: ${key}`);
    const actual = Number(found.mod_revision);
    throw new StorageError(
      'revision-mismatch',
      `${key} is at revision ${actual}, not ${change.expectedRevision}`,
      actual,
    );
  }

  /** The operation when the key's modRevision is the expected one (0: there is no key); else what the key is. */
  async #compareAndSwap(key: Buffer, { expectedRevision, operation }: Change): Promise<SwapResult> {
    this.#checkOpen();
    const { succeeded, header, responses } = await callEtcd(
      () =>
        this.#etcd.kv.txn({
          compare: [{ key, target: 'Mod', result: 'Equal', mod_revision: expectedRevision }],
          success: [operation],
          failure: [{ request_range: { key, keys_only: true } }],
        }),
      { mayRepeat: false },
    );
    return { succeeded, header, found: responses[0]?.response_range?.kvs[0] };
  }

  async #range(request: Parameters<Etcd3['kv']['range']>[0]): Promise<IRangeResponse> {
    this.#checkOpen();
    try {
      return await callEtcd(() => this.#etcd.kv.range(request), { mayRepeat: true });
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'compacted')) throw error;
      const oldest = await this.#compactedRevision();
      throw new StorageError(
        'compacted',
        `revision ${request.revision} has been compacted, the oldest is ${oldest}`,
        oldest,
      );
    }
  }

  /** What was compacted last is told to watches only. */
  async #compactedRevision(): Promise<number | undefined> {
    const watch = watchEtcd(this.#etcd, { prefix: '\0', afterRevision: 0, signal: this.#stop.signal });
    try {
      await watch.next();
    } catch (error) {
      if (error instanceof StorageError) return error.revision;
    } finally {
      await watch.return(undefined);
    }
    return undefined;
  }

  async #emptyList(revision: number | undefined): Promise<ListResult> {
    return { revision: revision ?? (await this.currentRevision()), entries: [], more: false, remaining: 0 };
  }
}

type ListRequest = Parameters<Storage['list']>[0];

interface Change {
  expectedRevision: number;
  operation: NonNullable<NonNullable<Parameters<Etcd3['kv']['txn']>[0]['success']>[number]>;
}

interface SwapResult extends Pick<ITxnResponse, 'succeeded' | 'header'> {
  found: IKeyValue | undefined;
}

function entryOf({ key, value, mod_revision, create_revision }: IKeyValue): Entry {
  return { key: key.toString(), value, modRevision: Number(mod_revision), createRevision: Number(create_revision) };
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
