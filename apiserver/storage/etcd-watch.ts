/** A watch on etcd: one stream for each, ended by its first failure; whoever follows begins anew where it was. */
import type { Etcd3, IEvent, IKeyValue, IWatchResponse } from 'etcd3';
import { storageErrorOf } from './etcd-call.ts';
import { prefixEnd } from './key-range.ts';
import type { Entry, StorageEvent, WatchOptions } from './storage.ts';
import { StorageError } from './storage.ts';
import { WatchOutbox } from './watch-outbox.ts';

const NO_VALUE = new Uint8Array(0);

/** Throws `compacted` (with the oldest revision left), `slow-watcher` or `unavailable`. */
export async function* watchEtcd(etcd: Etcd3, options: WatchOptions): AsyncGenerator<StorageEvent[]> {
  const { prefix, afterRevision, signal } = options;
  const stream = await etcd.watchClient.watch().catch((error: unknown) => {
    if (signal.aborted) return undefined;
    throw storageErrorOf(error);
  });
  if (stream === undefined) return;
  const outbox = new WatchOutbox(options);
  const onAbort = (): void => outbox.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) outbox.abort();
  stream
    .on('data', (response) => receive(outbox, response))
    .on('error', (error) => outbox.end(storageErrorOf(error)))
    .on('end', () => outbox.end(new StorageError('unavailable', 'etcd: the watch stream ended')));
  stream.write({
    create_request: {
      key: Buffer.from(prefix),
      range_end: prefixEnd(prefix),
      start_revision: afterRevision + 1,
      prev_kv: true,
    },
  });
  try {
    for (let batch = await outbox.next(); batch !== undefined; batch = await outbox.next()) yield batch;
  } finally {
    signal.removeEventListener('abort', onAbort);
    stream.cancel();
  }
}

function receive(outbox: WatchOutbox, { canceled, compact_revision, cancel_reason, events }: IWatchResponse): void {
  if (canceled) {
    outbox.end(cancellation(Number(compact_revision), cancel_reason));
    return;
  }
  try {
    outbox.push(events.map(eventOf));
  } catch (error) {
    outbox.end(error as StorageError);
  }
}

function cancellation(compacted: number, reason: string): StorageError {
  if (compacted > 0) return new StorageError('compacted', `the oldest revision is ${compacted}`, compacted);
  return new StorageError('unavailable', `etcd canceled the watch: ${reason === '' ? 'no reason given' : reason}`);
}

function eventOf({ type, kv, prev_kv }: IEvent): StorageEvent {
  const previous = prev_kv === null || prev_kv === undefined ? undefined : entryOf(prev_kv);
  const isDelete = type === 'Delete';
  if (previous === undefined && (isDelete || kv.create_revision !== kv.mod_revision)) {
    // The value before it is compacted: a selector could not tell who must hear of the event.
    throw new StorageError(
      'compacted',
      `what ${kv.key.toString()} was before revision ${kv.mod_revision} is compacted`,
    );
  }
  return {
    type: isDelete ? 'delete' : 'put',
    key: kv.key.toString(),
    value: isDelete ? (previous?.value ?? NO_VALUE) : kv.value,
    previous,
    revision: Number(kv.mod_revision),
  };
}

function entryOf({ key, value, mod_revision, create_revision }: IKeyValue): Entry {
  return { key: key.toString(), value, modRevision: Number(mod_revision), createRevision: Number(create_revision) };
}
