/** For tests: controllers over a server's handler, with informers as in a cluster. */
import type { Handler, UserInfo } from '../api/machinery/handler.ts';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Controller } from '../client/controller.ts';
import { runController } from '../client/controller-runner.ts';
import { silentEventRecorder } from '../client/events.ts';
import type { EventRecorder } from '../client/events.ts';
import { inProcessClient } from '../client/in-process.ts';
import { createInformerFactory } from '../client/informer-factory.ts';

const user: UserInfo = { name: 'controllers', groups: ['system:masters', 'system:authenticated'] };

/** Returns what ends them and waits until they have. Events are forgotten unless there is a recorder for them. */
export function runControllers(
  handler: Handler,
  controllers: readonly Controller[],
  events: EventRecorder = silentEventRecorder,
): () => Promise<void> {
  const client = inProcessClient({ handler, user, userAgent: 'controllers' });
  const abort = new AbortController();
  const informers = createInformerFactory(client, { clock: realClock, log: silentLogger });
  informers.start(abort.signal);
  const options = { client, informers, events, clock: realClock, random: realRandom };
  const running = controllers.map((controller) =>
    runController(controller, { ...options, log: silentLogger, signal: abort.signal }),
  );
  return async () => {
    abort.abort();
    await Promise.allSettled(running);
    await informers.stopped();
  };
}

/** Asks again and again until there is an answer other than `undefined`. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise<void>((resolve) => void realClock.setTimeout(resolve, 10));
  }
}
