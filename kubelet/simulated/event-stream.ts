/** Fans events out to subscribers that iterate; one that does not keep up is ended with an error, never waited for. */
export class EventStream<T> {
  readonly #subscribers = new Set<Subscriber<T>>();
  readonly #limit: number;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  emit(event: T): void {
    for (const subscriber of this.#subscribers) {
      subscriber.queue.push(event);
      if (subscriber.queue.length > this.#limit) subscriber.overflowed = true;
      subscriber.wake();
    }
  }

  /** Ends when the signal aborts; throws when it fell behind by more than the limit. Subscribed from the call on. */
  subscribe(signal: AbortSignal): AsyncIterable<T> {
    const subscriber: Subscriber<T> = { queue: [], wake: () => undefined, overflowed: false };
    this.#subscribers.add(subscriber);
    return this.#iterate(subscriber, signal);
  }

  async *#iterate(subscriber: Subscriber<T>, signal: AbortSignal): AsyncGenerator<T> {
    const onAbort = (): void => subscriber.wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        if (subscriber.overflowed) throw new Error('the subscriber of events is too slow');
        const event = subscriber.queue.shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#subscribers.delete(subscriber);
    }
  }
}

interface Subscriber<T> {
  queue: T[];
  wake: () => void;
  overflowed: boolean;
}
