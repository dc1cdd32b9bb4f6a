/** The components of the control plane as processes that can be ended at any moment and started anew. */
import { setMaxListeners } from 'node:events';
import type { UserInfo, Handler } from '../../api/machinery/handler.ts';
import { resources } from '../../api/resources.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller-runner.ts';
import type { RunnerOptions } from '../../client/controller-runner.ts';
import { silentEventRecorder } from '../../client/events.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import type { InformerFactory } from '../../client/informer-factory.ts';
import { rolloutController } from '../../controllers/rollout/rollout.ts';
import { runWhenServed } from '../../controllers/when-served.ts';
import { controllers } from '../../controllers/controllers.ts';
import { runGarbageCollector } from '../../controllers/garbage-collector/garbage-collector.ts';
import { localVolumeProvisioner } from '../../kubelet/local-volumes/local-volume-provisioner.ts';
import { startScheduler } from '../../scheduler/scheduler.ts';
import { Link } from './link.ts';
import type { LinkOptions } from './link.ts';
import type { Mutant } from './mutant.ts';
import { streamOf } from './seeded-random.ts';

export interface ProcessOptions {
  /** Of this run of it: it names its randomness. */
  name: string;
  seed: number;
  handler: Handler;
  clock: Clock;
  log: Logger;
  mutant: Mutant | undefined;
  onAnswer: LinkOptions['onAnswer'];
}

/** A process that talks to the API server over a link of its own. */
export class Process {
  readonly link: Link;
  readonly options: ProcessOptions;
  readonly #stop = new AbortController();

  constructor(options: ProcessOptions) {
    const { name, seed, handler, clock, onAnswer } = options;
    this.options = options;
    // Its informers all listen for its end: no leak.
    setMaxListeners(0, this.#stop.signal);
    this.link = new Link({ name, handler, clock, onAnswer, random: streamOf(seed, `link ${name}`) });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** What it was about to do, it does not do; what it has sent still arrives. */
  kill(): void {
    this.link.kill();
    this.#stop.abort();
  }

  clientOf(component: string): Client {
    const { clock, mutant } = this.options;
    const user: UserInfo = { name: component, groups: ['system:masters', 'system:authenticated'] };
    const client = inProcessClient({ handler: this.link.handler, clock, user, userAgent: component });
    return mutant?.client?.(component, client) ?? client;
  }
}

export function startManagers(options: ProcessOptions): Process {
  const process = new Process(options);
  const { mutant } = options;
  const informers = informersOf(process, 'managers');
  // The volumes of simulated nodes are objects alone.
  const provisioner = localVolumeProvisioner(() => ({}));
  for (const one of [...controllers({ resources, rootCa: 'a certificate' }), provisioner]) {
    const controller = mutant?.controller?.(one) ?? one;
    void runController(controller, runnerOptions(process, controller.name, informers));
  }
  const declared = rolloutController(options.clock);
  const rollouts = mutant?.controller?.(declared) ?? declared;
  void runWhenServed(rollouts, runnerOptions(process, rollouts.name, informers));
  const collector = 'generic-garbage-collector';
  void runGarbageCollector(resources, runnerOptions(process, collector, informers));
  return process;
}

export function startScheduling(options: ProcessOptions): Process {
  const process = new Process(options);
  const informers = informersOf(process, 'scheduler');
  void startScheduler(runnerOptions(process, 'scheduler', informers));
  return process;
}

function informersOf(process: Process, component: string): InformerFactory {
  const { clock, seed, name, log } = process.options;
  const random = streamOf(seed, `informers of ${name}`);
  const factory = createInformerFactory(process.clientOf(component), { clock, log, random });
  factory.start(process.signal);
  return factory;
}

function runnerOptions(process: Process, component: string, informers: InformerFactory): RunnerOptions {
  const { clock, seed, name, log } = process.options;
  const client = process.clientOf(component);
  const own = log.child({ component });
  const random = streamOf(seed, `${component} of ${name}`);
  // A tenth of all requests would be Events, which nothing here is decided by.
  return { client, informers, events: silentEventRecorder, clock, random, log: own, signal: process.signal };
}
