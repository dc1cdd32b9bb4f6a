/**
 * Keeps the node's rules as the cluster's Services and EndpointSlices, and host ports of its pods, want them.
 *
 * Flow: changes → gathered for 50 ms → the whole table as data → the difference to what is loaded → one transaction.
 * Guarantees: transactions follow one another; after a failed one the whole table is written anew; a table that
 * somebody else flushed is noticed within ten seconds.
 */
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpoint-slice.ts';
import { services } from '../api/core/v1/service.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { Pod } from '../api/core/v1/pod/types.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Informer } from '../client/informer.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { ConntrackCleaner, staleFlows, staleHostPortFlows } from './conntrack.ts';
import type { HostPortInfo } from './host-ports.ts';
import { hostPortsOf } from './host-ports.ts';
import type { NftRunner } from './nft.ts';
import { buildBridgeRules, buildRules } from './rules.ts';
import type { BridgeAddresses, RulesOptions } from './rules.ts';
import { deleteScript, diffRules, fullScript } from './ruleset.ts';
import type { NftTable } from './ruleset.ts';
import { buildServiceMap, isTakenOut, readyIps } from './service-map.ts';
import type { ServicePortInfo } from './service-map.ts';

export interface ProxierOptions {
  /** Started by its owner. */
  informers: InformerFactory;
  /** Of this node's pods, read as its kubelet: a proxy has no right to pods. Absent: no host ports. */
  pods?: Informer<Pod>;
  nodeName: string;
  rules: RulesOptions;
  /** Absent where pods are not on a bridge of ours. */
  bridge?: BridgeAddresses;
  clock: Clock;
  log: Logger;
  nft: NftRunner;
  /** Told of every port after each change; for listeners on 127.0.0.1. */
  onPorts?(ports: readonly ServicePortInfo[], hostPorts: readonly HostPortInfo[]): void;
  /** Runs `conntrack` in another network namespace, for tests. */
  commandPrefix?: readonly string[];
  /** Ends the work. The rules stay until `removeRules`. */
  signal: AbortSignal;
}

export interface Proxier {
  /** Resolves when the rules have been written for the first time; never rejects. */
  readonly firstSync: Promise<void>;
  /**
   * Resolves when no new connection goes to the pod any more, but for Services that have no other pod left, and those
   * that went there last have had a moment to be answered. At once for a pod of no Service. Also resolves when the
   * proxier stops.
   */
  syncedWithout(podIp: string): Promise<void>;
  /** Why what is served is not what the cluster wants; undefined while all is well. */
  readonly problem: string | undefined;
  /** Resolves after the signal aborted and the last transaction ended. */
  readonly stopped: Promise<void>;
}

const GATHER_MS = 50;
const CHECK_MS = 10_000;
/** What most requests take at most: an app that its stop signal ends at once then loses few of them. */
const SETTLE_MS = 200;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

export function startProxier(options: ProxierOptions): Proxier {
  const loop = new ProxierLoop(options);
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

/** Takes everything of the cluster out of nftables; what is not there is fine. */
export async function removeRules(nft: NftRunner, clusterId: string): Promise<void> {
  const name = `nocher-${clusterId}`;
  await nft.apply(deleteScript({ family: 'ip', name }));
  // A kernel without the bridge family has no such table either.
  await nft.apply(deleteScript({ family: 'bridge', name })).catch(() => undefined);
}

/** What the kernel has now, as far as we know. */
interface Loaded {
  table: NftTable;
  ports: readonly ServicePortInfo[];
  hostPorts: readonly HostPortInfo[];
}

class ProxierLoop {
  readonly #options: ProxierOptions;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #conntrack: ConntrackCleaner;
  readonly firstSync: Promise<void>;
  problem: string | undefined;
  #markSynced: () => void = () => undefined;
  #loaded: Loaded | undefined;
  /** Of what the kernel has, or may have while a transaction runs. */
  #readyIps: ReadonlySet<string> = new Set();
  #waiters: { podIp: string; resolve: () => void }[] = [];
  #isDirty = true;
  /** What the pods were last found to want. */
  #hostPortText = '';
  #wake: () => void = () => undefined;

  constructor(options: ProxierOptions) {
    this.#options = options;
    this.#services = options.informers.informer<Service>(services);
    this.#slices = options.informers.informer<EndpointSlice>(endpointSlices);
    const { log, commandPrefix } = options;
    this.#conntrack = new ConntrackCleaner({ log, ...(commandPrefix === undefined ? {} : { prefix: commandPrefix }) });
    this.firstSync = new Promise((resolve) => (this.#markSynced = resolve));
  }

  async run(): Promise<void> {
    const { signal, pods } = this.#options;
    try {
      await Promise.all([this.#services, this.#slices, pods].map((informer) => informer?.waitForSync(signal)));
    } catch {
      this.#resolveWaiters(() => true);
      return;
    }
    const subscriptions = [this.#services, this.#slices].map((informer) =>
      informer.keys.subscribe(() => this.#touch()),
    );
    const ofPods = pods?.keys.subscribe(() => this.#onPods());
    const onAbort = (): void => this.#wake();
    signal.addEventListener('abort', onAbort, { once: true });
    await this.#work();
    for (const subscription of subscriptions) subscription.unsubscribe();
    ofPods?.unsubscribe();
    this.#resolveWaiters(() => true);
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

  #touch(): void {
    this.#isDirty = true;
    this.#wake();
  }

  /** Most changes of pods are of no concern here. */
  #onPods(): void {
    if (JSON.stringify(this.#wantedHostPorts()) !== this.#hostPortText) this.#touch();
  }

  #wantedHostPorts(): HostPortInfo[] {
    return hostPortsOf(this.#options.pods?.lister.list() ?? []);
  }

  async #work(): Promise<void> {
    const { signal, clock, log } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        if (this.#isDirty) await this.#sync();
        else if (this.#conntrack.hasPending) await this.#conntrack.clean([]);
        else await this.#check();
        retryMs = FIRST_RETRY_MS;
        this.problem = undefined;
      } catch (error) {
        log.warn('writing the rules failed; all of them are written again', { error: String(error) });
        this.#loaded = undefined;
        this.#isDirty = true;
        this.problem = String(error);
        await sleep(clock, retryMs, signal);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
        continue;
      }
      await this.#waitForWork();
    }
  }

  /** Until something changed (and a moment for more of it), or it is time to look after the table. */
  async #waitForWork(): Promise<void> {
    const { signal, clock } = this.#options;
    if (!this.#isDirty && !this.#conntrack.hasPending && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const cancel = clock.setTimeout(resolve, CHECK_MS);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      this.#wake = () => undefined;
    }
    if (this.#isDirty) await sleep(clock, GATHER_MS, signal);
  }

  async #sync(): Promise<void> {
    const { nodeName, rules, nft, onPorts } = this.#options;
    this.#isDirty = false;
    const slices = this.#slices.lister.list();
    const ports = buildServiceMap({ services: this.#services.lister.list(), slices, nodeName });
    const hostPorts = this.#wantedHostPorts();
    this.#hostPortText = JSON.stringify(hostPorts);
    const table = buildRules(ports, rules, hostPorts);
    const previous = this.#loaded;
    // Unknown until the transaction has ended: an error in between must not leave the old state believed.
    this.#loaded = undefined;
    const ready = readyIps(slices);
    this.#readyIps = new Set([...this.#readyIps, ...ready]);
    const script = previous === undefined ? fullScript(table) : diffRules(previous.table, table);
    if (script !== '') await nft.apply(script);
    if (previous === undefined) await this.#applyBridge();
    this.#loaded = { table, ports, hostPorts };
    const staleToPods = staleHostPortFlows(previous?.hostPorts ?? [], hostPorts);
    await this.#conntrack.clean([...staleFlows(previous?.ports ?? [], ports), ...staleToPods]);
    this.#readyIps = ready;
    this.#markSynced();
    onPorts?.(ports, hostPorts);
    this.#resolveWaiters((podIp) => this.#isOut(podIp));
  }

  async #applyBridge(): Promise<void> {
    const { bridge, rules, nft, log } = this.#options;
    if (bridge === undefined) return;
    await nft.apply(fullScript(buildBridgeRules(rules, bridge))).catch((error: unknown) => {
      log.warn('pods may not reach Services whose pods are on the same node: the kernel refused bridge rules', {
        error: String(error),
      });
    });
  }

  async #check(): Promise<void> {
    const { nft, rules, log } = this.#options;
    const chain = await nft.chain('ip', `nocher-${rules.clusterId}`, 'prerouting');
    if (chain?.includes('jump services') === true || this.#options.signal.aborted) return;
    log.warn('the rules are gone from the kernel; writing them again');
    this.#loaded = undefined;
    await this.#sync();
  }

  #resolveWaiters(isDone: (podIp: string) => boolean): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ podIp }) => !isDone(podIp));
    for (const { podIp, resolve } of waiting) if (isDone(podIp)) resolve();
  }
}
