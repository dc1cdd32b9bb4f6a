/** Hands the runtime's events to its subscribers; one that does not keep up is ended and lists again. */
import type { RuntimeEvent } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';

const MAX_QUEUED = 4_096;

interface Subscriber {
  queue: RuntimeEvent[];
  overflowed: boolean;
  wake: (() => void) | undefined;
}

export class EventHub {
  readonly #subscribers = new Set<Subscriber>();

  publish(event: RuntimeEvent): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.queue.length >= MAX_QUEUED) subscriber.overflowed = true;
      else subscriber.queue.push(event);
      subscriber.wake?.();
    }
  }

  async *subscribe(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const subscriber: Subscriber = { queue: [], overflowed: false, wake: undefined };
    const wake = (): void => subscriber.wake?.();
    this.#subscribers.add(subscriber);
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (subscriber.overflowed) throw new RuntimeError('unavailable', 'events came faster than they were read');
        yield* subscriber.queue.splice(0);
        if (signal.aborted || subscriber.queue.length > 0) continue;
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#subscribers.delete(subscriber);
    }
  }
}
