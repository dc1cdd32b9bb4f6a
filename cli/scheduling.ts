/** Runs the scheduler under its own identity. */
import { events } from '../api/core/v1/event.ts';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { createEventRecorder } from '../client/events.ts';
import type { EventRecorder } from '../client/events.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { SchedulerConfiguration } from '../scheduler/configuration.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import type { ControlPlane } from './control-plane.ts';
import { schedulerUser } from './identities.ts';
import type { Task } from './tasks.ts';
import { createTask } from './tasks.ts';

export function startScheduling({
  controlPlane,
  configuration = {},
  log,
  signal,
}: {
  controlPlane: ControlPlane;
  configuration?: Partial<SchedulerConfiguration> | undefined;
  log: Logger;
  signal: AbortSignal;
}): Task {
  const client = controlPlane.clientFor(schedulerUser, 'kube-scheduler/nocher');
  const own = log.child({ component: 'scheduler' });
  const informers = createInformerFactory(client, { clock: realClock, log: own });
  informers.start(signal);
  const recorderOf = (component: string): EventRecorder =>
    createEventRecorder({ client, resource: events, component, clock: realClock, log: own });
  const running = startScheduler({
    client,
    informers,
    events: recorderOf('default-scheduler'),
    recorderOf,
    clock: realClock,
    random: realRandom,
    log: own,
    signal,
    ...configuration,
  });
  return createTask('scheduler', running, { log: own, signal });
}
