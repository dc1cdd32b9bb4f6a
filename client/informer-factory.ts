/** The informers of one component: one per kind and selection, started together. */
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import { SharedInformer } from './informer.ts';
import type { Informer } from './informer.ts';
import type { Selection } from './reflector-loop.ts';

export interface InformerFactory {
  /** The shared informer of this kind and selection; made at the first call, and then started if the factory is. */
  informer<T extends ApiObject>(resource: ResourceRef, selection?: Selection): Informer<T>;
  /** Ends the informer of a kind that is no longer served; whoever has it sees no further change. */
  remove(resource: ResourceRef, selection?: Selection): void;
  /** Starts every informer, also those asked for later, until the signal aborts. */
  start(signal: AbortSignal): void;
  /** Resolves when every informer asked for so far has its first list; rejects when the signal aborts. */
  waitForSync(signal?: AbortSignal): Promise<void>;
  /** Resolves when all informers have ended, after the signal of `start` aborted. */
  stopped(): Promise<void>;
}

export interface InformerFactoryOptions {
  clock: Clock;
  log: Logger;
  random?: Random;
}

export function createInformerFactory(client: Client, options: InformerFactoryOptions): InformerFactory {
  const { clock, log, random = realRandom } = options;
  const informers = new Map<string, SharedInformer>();
  const running = new Map<SharedInformer, { stop: AbortController; ended: Promise<void> }>();
  let startedWith: AbortSignal | undefined;
  const run = (informer: SharedInformer, signal: AbortSignal): void => {
    const stop = new AbortController();
    const ended = informer.run(AbortSignal.any([signal, stop.signal]));
    running.set(informer, { stop, ended });
  };
  return {
    informer<T extends ApiObject>(resource: ResourceRef, selection: Selection = {}): Informer<T> {
      const id = idOf(resource, selection);
      let informer = informers.get(id);
      if (informer === undefined) {
        informer = new SharedInformer({ client, resource, selection, clock, random, log });
        informers.set(id, informer);
        if (startedWith !== undefined) run(informer, startedWith);
      }
      return informer as unknown as Informer<T>;
    },
    remove(resource, selection = {}) {
      const id = idOf(resource, selection);
      const informer = informers.get(id);
      if (informer === undefined) return;
      informers.delete(id);
      running.get(informer)?.stop.abort();
      running.delete(informer);
    },
    start(signal) {
      if (startedWith !== undefined) throw new Error('the informer factory has been started already');
      startedWith = signal;
      for (const informer of informers.values()) run(informer, signal);
    },
    async waitForSync(signal) {
      await Promise.all([...informers.values()].map((informer) => informer.waitForSync(signal)));
    },
    async stopped() {
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };
}

function idOf(resource: ResourceRef, { namespace, labelSelector, fieldSelector }: Selection): string {
  return [resource.group, resource.version, resource.names.plural, namespace, labelSelector, fieldSelector].join('|');
}
