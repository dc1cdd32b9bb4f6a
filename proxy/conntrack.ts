/**
 * Forgets connections of the kernel that would lead UDP packets past the present rules: UDP has no end, so a flow to an
 * endpoint that is gone would live as long as its client sends (upstream: `pkg/proxy/conntrack/cleanup.go`).
 */
import type { Logger } from '../base/log.ts';
import type { HostPortInfo } from './host-ports.ts';
import { hostPortKey } from './host-ports.ts';
import { runCommand } from './nft.ts';
import type { ServicePortInfo } from './service-map.ts';
import { idOf } from './service-map.ts';

/** Arguments of `conntrack`, one list for each kind of flow that must go. Pure. */
export function staleFlows(previous: readonly ServicePortInfo[], next: readonly ServicePortInfo[]): string[][] {
  const known = new Map(next.map((info) => [idOf(info), info]));
  const before = new Map(previous.map((info) => [idOf(info), info]));
  const flows: string[][] = [];
  for (const info of previous) {
    if (info.protocol !== 'udp') continue;
    const left = new Set((known.get(idOf(info))?.endpoints ?? []).map(({ ip, port }) => `${ip}:${port}`));
    for (const { ip, port } of info.endpoints) {
      if (!left.has(`${ip}:${port}`)) flows.push(...flowsTo(info).map((flow) => [...flow, '--dst-nat', ip]));
    }
  }
  // Flows that began while there was no endpoint are not translated at all.
  for (const info of next) {
    const wasServed = (before.get(idOf(info))?.endpoints ?? []).length > 0;
    if (info.protocol === 'udp' && info.endpoints.length > 0 && !wasServed) flows.push(...flowsTo(info));
  }
  return flows;
}

/** The same for ports of the node that lead to pods. Pure. */
export function staleHostPortFlows(previous: readonly HostPortInfo[], next: readonly HostPortInfo[]): string[][] {
  const targetOf = ({ podIp, port }: HostPortInfo): string => `${podIp}:${port}`;
  const before = new Map(previous.map((info) => [hostPortKey(info), targetOf(info)]));
  const after = new Map(next.map((info) => [hostPortKey(info), targetOf(info)]));
  const flowTo = ({ hostIp, hostPort }: HostPortInfo): string[] => {
    const address = hostIp === '' ? [] : ['--orig-dst', hostIp];
    return ['-D', '-p', 'udp', ...address, '--orig-port-dst', String(hostPort)];
  };
  const isUdp = ({ protocol }: HostPortInfo): boolean => protocol === 'udp';
  const gone = previous.filter((info) => isUdp(info) && after.get(hostPortKey(info)) !== targetOf(info));
  const fresh = next.filter((info) => isUdp(info) && !before.has(hostPortKey(info)));
  return [...gone.map((info) => [...flowTo(info), '--dst-nat', info.podIp]), ...fresh.map(flowTo)];
}

function flowsTo(info: ServicePortInfo): string[][] {
  const addresses = [info.clusterIp, ...info.externalIps, ...info.loadBalancerIps];
  const flows = addresses.map((ip) => ['-D', '-p', 'udp', '--orig-dst', ip, '--orig-port-dst', String(info.port)]);
  if (info.nodePort !== 0) flows.push(['-D', '-p', 'udp', '--orig-port-dst', String(info.nodePort)]);
  return flows;
}

/** Commands at once: each is a process, and the next change of the rules waits for them. */
const MAX_COMMANDS = 64;

export interface ConntrackOptions {
  log: Logger;
  /** Runs in another network namespace, for tests. */
  prefix?: readonly string[];
}

/** Deletes flows; does nothing where there is no `conntrack`. */
export class ConntrackCleaner {
  readonly #options: ConntrackOptions;
  /** By their text, the oldest first. */
  readonly #pending = new Map<string, readonly string[]>();
  #isMissing = false;

  constructor(options: ConntrackOptions) {
    this.#options = options;
  }

  /** Whether flows are left for the next `clean`. */
  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Deletes a bounded number of these flows and of those left from before. Never rejects. */
  async clean(flows: readonly string[][]): Promise<void> {
    if (this.#isMissing) return;
    for (const args of flows) this.#pending.set(args.join(' '), args);
    for (const [key, args] of [...this.#pending].slice(0, MAX_COMMANDS)) {
      this.#pending.delete(key);
      await this.#run(args);
      if (this.#isMissing) return this.#pending.clear();
    }
  }

  async #run(args: readonly string[]): Promise<void> {
    const { log, prefix = [] } = this.#options;
    await runCommand([...prefix, 'conntrack', ...args]).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : '';
      this.#isMissing = message.includes('ENOENT');
      // No such flow is the ordinary case, and an error to conntrack.
      if (!this.#isMissing && !message.includes('0 flow entries')) log.debug('conntrack failed', { error: message });
    });
  }
}
