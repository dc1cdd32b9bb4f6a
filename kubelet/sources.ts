/** What a kubelet follows of the cluster: the pods that are bound to its node, and all Services. */
import type { Observable } from 'rxjs';
import { nodes } from '../api/core/v1/node.ts';
import type { Node } from '../api/core/v1/node.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod/types.ts';
import { services } from '../api/core/v1/service.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { InformerChange } from '../client/informer.ts';

export interface KubeletSources {
  /** Of the node's pods; a subscriber first gets an `add` for each there is. */
  readonly podChanges: Observable<InformerChange<Pod>>;
  services(): readonly Service[];
  /** The node as a cache has it, perhaps behind the API. */
  node(): Node | undefined;
  /** Everything above is as the API has it. Rejects when the signal aborts. */
  synced(signal: AbortSignal): Promise<void>;
  /** Resolves when nothing is followed any more. */
  stopped(): Promise<void>;
}

export interface SourceOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
}

/** Watches of the node's own, which the node authorizer allows it. */
export function ownSources(nodeName: string, { client, clock, random, log, signal }: SourceOptions): KubeletSources {
  const factory = createInformerFactory(client, { clock, log, random });
  const podInformer = factory.informer<Pod>(pods, { fieldSelector: `spec.nodeName=${nodeName}` });
  const nodeInformer = factory.informer<Node>(nodes, { fieldSelector: `metadata.name=${nodeName}` });
  const serviceInformer = factory.informer<Service>(services);
  factory.start(signal);
  return {
    podChanges: podInformer.changes,
    services: () => serviceInformer.lister.list(),
    node: () => nodeInformer.lister.get('', nodeName),
    synced: () => factory.waitForSync(signal),
    stopped: () => factory.stopped(),
  };
}
