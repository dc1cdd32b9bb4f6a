/**
 * Services in user space, for machines without nftables: a listener on every ClusterIP and node port passes each
 * connection on to the ready endpoints in turn. Pods see this machine as the client; session affinity and load
 * balancers' addresses are left out.
 */
import { services } from '../api/core/v1/service.ts';
import type { Service } from '../api/core/v1/service.ts';
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpoint-slice.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Informer } from '../client/informer.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { createLocalhostNodePorts } from './localhost-node-port.ts';
import type { Binding, LocalhostNodePorts } from './localhost-node-port.ts';
import type { Proxier } from './proxier.ts';
import { buildServiceMap, isTakenOut, readyIps } from './service-map.ts';
import type { ServicePortInfo } from './service-map.ts';

export interface UserspaceProxierOptions {
  /** Started by its owner. */
  informers: InformerFactory;
  nodeName: string;
  /** Makes an address one of this machine's own, reachable from its pods. Repeatable. */
  addAddress(ip: string): Promise<void>;
  /** Where node ports are served. Default: on every address. */
  nodePortHost?: string;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

const GATHER_MS = 50;
const RETRY_MS = 1_000;
/** As with rules: connections that went to a pod last have a moment to be answered. */
const SETTLE_MS = 200;

interface Waiter {
  podIp: string;
  resolve: () => void;
}

export function startUserspaceProxier(options: UserspaceProxierOptions): Proxier {
  const loop = new UserspaceLoop(options);
  const stopped = loop.run();
  return {
    firstSync: Promise.race([loop.firstSync, stopped]),
    syncedWithout: (podIp) => loop.syncedWithout(podIp),
    get problem() {
      return loop.problem;
    },
    stopped,
  };
}

class UserspaceLoop {
  readonly #options: UserspaceProxierOptions;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly firstSync: Promise<void>;
  problem: string | undefined;
  #markSynced: () => void = () => undefined;
  /** Addresses that this machine has been given. */
  readonly #addresses = new Set<string>();
  #readyIps: ReadonlySet<string> = new Set();
  #waiters: Waiter[] = [];
  #isDirty = true;
  #wake: () => void = () => undefined;

  constructor(options: UserspaceProxierOptions) {
    this.#options = options;
    this.#services = options.informers.informer<Service>(services);
    this.#slices = options.informers.informer<EndpointSlice>(endpointSlices);
    this.firstSync = new Promise((resolve) => (this.#markSynced = resolve));
  }

  async run(): Promise<void> {
    const { signal, clock, log, nodePortHost = '0.0.0.0' } = this.#options;
    const bindingsOf = (info: ServicePortInfo): Binding[] => bindings(info, nodePortHost);
    const listeners = createLocalhostNodePorts({ clock, log, bindingsOf });
    try {
      await Promise.all([this.#services.waitForSync(signal), this.#slices.waitForSync(signal)]);
      const touch = (): void => {
        this.#isDirty = true;
        this.#wake();
      };
      const subscriptions = [this.#services, this.#slices].map((informer) => informer.keys.subscribe(touch));
      signal.addEventListener('abort', () => this.#wake(), { once: true });
      while (!signal.aborted) {
        if (this.#isDirty) await this.#sync(listeners);
        else await new Promise<void>((resolve) => (this.#wake = resolve));
        await sleep(clock, this.problem === undefined ? GATHER_MS : RETRY_MS, signal);
      }
      for (const subscription of subscriptions) subscription.unsubscribe();
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      listeners.close();
      this.#resolveWaiters(() => true);
    }
  }

  syncedWithout(podIp: string): Promise<void> {
    const { signal, clock } = this.#options;
    if (signal.aborted || this.#isOut(podIp)) return Promise.resolve();
    const out = new Promise<void>((resolve) => this.#waiters.push({ podIp, resolve }));
    return out.then(() => sleep(clock, SETTLE_MS, signal));
  }

  #isOut(podIp: string): boolean {
    return isTakenOut(podIp, { loaded: this.#readyIps, wanted: readyIps(this.#slices.lister.list()) });
  }

  async #sync(listeners: LocalhostNodePorts): Promise<void> {
    const { nodeName, log } = this.#options;
    this.#isDirty = false;
    const slices = this.#slices.lister.list();
    const ports = buildServiceMap({ services: this.#services.lister.list(), slices, nodeName });
    try {
      await this.#addAddresses(ports);
      this.problem = undefined;
    } catch (error) {
      log.warn('a ClusterIP could not be made an address of this machine', { error: String(error) });
      this.problem = String(error);
      this.#isDirty = true;
    }
    listeners.update(ports.filter(({ clusterIp }) => this.#addresses.has(clusterIp)));
    this.#readyIps = readyIps(slices);
    this.#markSynced();
    this.#resolveWaiters((podIp) => this.#isOut(podIp));
  }

  async #addAddresses(ports: readonly ServicePortInfo[]): Promise<void> {
    for (const { clusterIp } of ports) {
      if (this.#addresses.has(clusterIp)) continue;
      await this.#options.addAddress(clusterIp);
      this.#addresses.add(clusterIp);
    }
  }

  #resolveWaiters(isDone: (podIp: string) => boolean): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ podIp }) => !isDone(podIp));
    for (const { podIp, resolve } of waiting) if (isDone(podIp)) resolve();
  }
}

function bindings({ clusterIp, port, nodePort }: ServicePortInfo, nodePortHost: string): Binding[] {
  const own = { host: clusterIp, port };
  return nodePort === 0 ? [own] : [own, { host: nodePortHost, port: nodePort }];
}
