/**
 * What many kubelets of one process follow of the cluster, read once for all: thousands of simulated nodes with
 * watches of their own would cost more than their pods do.
 */
import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { nodes } from '../api/core/v1/node.ts';
import type { Node } from '../api/core/v1/node.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod/types.ts';
import { services } from '../api/core/v1/service.ts';
import type { Service } from '../api/core/v1/service.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import type { Informer, InformerChange } from '../client/informer.ts';
import type { KubeletSources, SourceOptions } from './sources.ts';

const NODE_NAME_INDEX = 'nodeName';

export class SharedSources {
  readonly #factory: InformerFactory;
  readonly #pods: Informer<Pod>;
  readonly #services: Informer<Service>;
  readonly #nodes: Informer<Node>;
  /** By node: one kubelet each. */
  readonly #subscribers = new Map<string, Subscriber<InformerChange<Pod>>>();

  /** The client must be allowed to read the pods, nodes and Services of the whole cluster. */
  constructor({ client, clock, random, log, signal }: SourceOptions) {
    this.#factory = createInformerFactory(client, { clock, log, random });
    this.#pods = this.#factory.informer<Pod>(pods, { fieldSelector: 'spec.nodeName!=' });
    this.#services = this.#factory.informer<Service>(services);
    this.#nodes = this.#factory.informer<Node>(nodes);
    this.#pods.addIndex(NODE_NAME_INDEX, ({ spec }) => [spec.nodeName ?? '']);
    this.#pods.changes.subscribe((change) => this.#subscribers.get(change.object.spec.nodeName ?? '')?.next(change));
    this.#factory.start(signal);
  }

  /** For the kubelet of this node; its changes have one subscriber. */
  of(nodeName: string): KubeletSources {
    return {
      podChanges: new Observable((subscriber) => {
        for (const pod of this.#pods.byIndex(NODE_NAME_INDEX, nodeName)) {
          const { namespace, name } = pod.metadata;
          subscriber.next({ type: 'add', key: `${namespace}/${name}`, object: pod, previous: undefined });
        }
        this.#subscribers.set(nodeName, subscriber);
        return () => this.#subscribers.delete(nodeName);
      }),
      services: () => this.#services.lister.list(),
      node: () => this.#nodes.lister.get('', nodeName),
      synced: (signal) => this.#synced(signal),
      // They go on for the other kubelets.
      stopped: () => Promise.resolve(),
    };
  }

  /** Resolves when everything has ended, after the signal aborted. */
  stopped(): Promise<void> {
    return this.#factory.stopped();
  }

  async #synced(signal: AbortSignal): Promise<void> {
    const informers = [this.#pods, this.#services, this.#nodes];
    await Promise.all(informers.map((informer) => informer.waitForSync(signal)));
  }
}
