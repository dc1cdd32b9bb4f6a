/** The recent events of a store and the watchers that follow them: shared by the drivers that keep their own history. */
import type { Storage, StorageEvent } from './storage.ts';
import { StorageError } from './storage.ts';

interface Follower {
  prefix: string;
  queue: StorageEvent[];
  maxQueued: number;
  overflowed: boolean;
  wake: (() => void) | undefined;
}

const DEFAULT_MAX_QUEUED = 10_000;

export class EventFeed {
  #events: StorageEvent[] = [];
  /** Events at or below this revision are gone. */
  #compactedTo = 0;
  readonly #followers = new Set<Follower>();
  #closed = false;

  push(event: StorageEvent): void {
    this.#events.push(event);
    for (const follower of this.#followers) offer(follower, event);
  }

  /** Events with a greater revision, in order. Throws `compacted`. */
  after(revision: number): StorageEvent[] {
    if (revision < this.#compactedTo)
      throw new StorageError('compacted', `revision ${revision} has been compacted`, this.#compactedTo);
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }

  compact(revision: number): void {
    if (revision <= this.#compactedTo) return;
    this.#events = this.after(revision);
    this.#compactedTo = revision;
  }

  close(): void {
    this.#closed = true;
    for (const follower of this.#followers) follower.wake?.();
  }

  async *watch(
    { prefix, afterRevision, signal, maxQueued = DEFAULT_MAX_QUEUED }: Parameters<Storage['watch']>[0],
    current: number,
  ): AsyncIterable<StorageEvent[]> {
    if (afterRevision > current)
      throw new StorageError('future-revision', `revision ${afterRevision} is ahead of ${current}`);
    const backlog = this.after(afterRevision).filter(({ key }) => key.startsWith(prefix));
    const follower: Follower = { prefix, queue: backlog, maxQueued, overflowed: false, wake: undefined };
    this.#followers.add(follower);
    const wake = (): void => follower.wake?.();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (follower.overflowed) throw new StorageError('slow-watcher', 'the watcher did not keep up');
        if (follower.queue.length > 0) {
          yield follower.queue.splice(0);
          continue;
        }
        if (this.#closed) return;
        await new Promise<void>((resolve) => {
          follower.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#followers.delete(follower);
    }
  }
}

function offer(follower: Follower, event: StorageEvent): void {
  if (!event.key.startsWith(follower.prefix) || follower.overflowed) return;
  if (follower.queue.length >= follower.maxQueued) {
    follower.overflowed = true;
    follower.queue = [];
  } else {
    follower.queue.push(event);
  }
  follower.wake?.();
}
