/**
 * Components of which only one may act among the servers of a store: they run while this server holds their Lease
 * (kube-controller-manager's and kube-scheduler's `--leader-elect`). A store of our own has no other servers: there
 * they run at once, and no Lease of a crashed run is waited for.
 */
import { setMaxListeners } from 'node:events';
import { leases } from '../api/coordination/v1/lease.ts';
import { events } from '../api/core/v1/event.ts';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { createEventRecorder } from '../client/events.ts';
import { runAsLeader } from '../client/leader-election.ts';
import type { Task } from './tasks.ts';

export interface Led {
  /** What runs now; undefined while another server leads. */
  tasks(): readonly Task[] | undefined;
  /** Never rejects. */
  ended: Promise<void>;
}

export interface LeadershipOptions {
  /** In kube-system, named as upstream's. */
  lease: 'kube-controller-manager' | 'kube-scheduler';
  /** The same after a restart, so that a server that crashed leads again at once. */
  identity: string;
  /** Acts as the component. */
  client: Client;
  log: Logger;
  signal: AbortSignal;
}

/** Starts the components, which end after their signal aborted. */
type Start = (signal: AbortSignal) => readonly Task[];

export function leadAlways(start: Start, signal: AbortSignal): Led {
  const tasks = start(signal);
  return { tasks: () => tasks, ended: allEnded(tasks) };
}

export function leadWhenElected(start: Start, options: LeadershipOptions): Led {
  let running: readonly Task[] | undefined;
  const lead = async (signal: AbortSignal): Promise<void> => {
    // Every informer and controller listens for the end: many listeners are no leak here.
    setMaxListeners(0, signal);
    running = start(signal);
    await allEnded(running);
    running = undefined;
  };
  return { tasks: () => running, ended: campaign(options, lead) };
}

async function campaign(options: LeadershipOptions, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const { lease, client, log, signal } = options;
  const recorder = createEventRecorder({ client, resource: events, component: lease, clock: realClock, log });
  while (!signal.aborted) {
    const outcome = await runAsLeader(
      {
        ...options,
        resource: leases,
        lease: { namespace: 'kube-system', name: lease },
        clock: realClock,
        random: realRandom,
        events: recorder,
      },
      lead,
    );
    if (outcome === 'lost') log.warn('leadership is lost, and sought again', { lease });
  }
}

async function allEnded(tasks: readonly Task[]): Promise<void> {
  await Promise.all(tasks.map(({ ended }) => ended));
}
