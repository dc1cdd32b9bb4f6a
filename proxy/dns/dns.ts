/** Cluster DNS put together: the zone from informers, the host's resolvers, the listeners. */
import { endpointSlices } from '../../api/discovery/v1/endpoint-slice.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { services } from '../../api/core/v1/service.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { InformerFactory } from '../../client/informer-factory.ts';
import { createForwarder } from './forwarder.ts';
import type { Upstream } from './forwarder.ts';
import { createResponder } from './respond.ts';
import { startDnsServer } from './server.ts';
import type { DnsAddress, DnsServer } from './server.ts';
import { ClusterZone } from './zone.ts';

export interface ClusterDnsOptions {
  /** Started by its owner. */
  informers: InformerFactory;
  /** `cluster.local` */
  domain: string;
  listen: readonly DnsAddress[];
  upstreams(): readonly Upstream[];
  clock: Clock;
  random: Random;
  log: Logger;
}

export interface ClusterDns extends DnsServer {
  /** Cluster names are answered from here on; before, with SERVFAIL. */
  readonly synced: Promise<void>;
}

/** Resolves when it listens; the informers may follow later. */
export async function startClusterDns(options: ClusterDnsOptions): Promise<ClusterDns> {
  const { informers, domain, listen, upstreams, clock, random, log } = options;
  const zone = new ClusterZone(domain);
  const serviceInformer = informers.informer<Service>(services);
  const sliceInformer = informers.informer<EndpointSlice>(endpointSlices);
  const subscriptions = [
    serviceInformer.changes.subscribe(({ type, key, object }) =>
      zone.setService(key, type === 'delete' ? undefined : object),
    ),
    sliceInformer.changes.subscribe(({ type, key, object, previous }) => {
      if (previous !== undefined) zone.setSlice(key, previous, true);
      if (type !== 'delete') zone.setSlice(key, object, false);
    }),
  ];
  const isSynced = (): boolean => serviceInformer.hasSynced && sliceInformer.hasSynced;
  const forwarder = createForwarder({ upstreams, clock, random });
  const respond = createResponder({ zone: () => (isSynced() ? zone : undefined), forwarder });
  const server = await startDnsServer({ listen, respond, clock, log });
  return {
    addresses: server.addresses,
    synced: Promise.all([serviceInformer.waitForSync(), sliceInformer.waitForSync()]).then(() => undefined),
    async close() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      await server.close();
    },
  };
}
