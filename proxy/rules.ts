/**
 * The rules of a node as one nftables table (after the design of upstream's `pkg/proxy/nftables`). Pure.
 *
 *   packet → prerouting/output → services → service-ips | service-nodeports → svc-* → ep-* (DNAT)
 *                                         → host-port-ips | host-ports → hp-* (DNAT)
 *   packet → forward/input/output (filter) → no-endpoint-* → reject
 *   packet → postrouting → masquerade what was marked, and what pods send out of the cluster
 */
import { createHash } from 'node:crypto';
import type { HostPortInfo } from './host-ports.ts';
import { hostPortKey, isLoopback } from './host-ports.ts';
import type { NftChain, NftTable, SetDeclaration } from './ruleset.ts';
import type { Endpoint, ServicePortInfo } from './service-map.ts';
import { idOf } from './service-map.ts';

export interface RulesOptions {
  /** Names the table: `nocher-<clusterId>`. */
  clusterId: string;
  /** Pods of the whole cluster. */
  clusterCidr: string;
  /** Pods of this node. */
  podCidr: string;
  /** The interface behind which this node's pods are. */
  bridge: string;
}

/** The bridge's own addresses. */
export interface BridgeAddresses {
  ip: string;
  mac: string;
}

/** As upstream's: the bit says that a packet is to be masqueraded. */
const MASQUERADE_MARK = '0x4000';
const SERVICE_KEY = 'type ipv4_addr . inet_proto . inet_service : verdict;';
const NODE_PORT_KEY = 'type inet_proto . inet_service : verdict;';
const SERVICE_LOOKUP = 'ip daddr . meta l4proto . th dport vmap';
/** 127.0.0.1 is served in user space: DNAT from loopback needs `route_localnet`. */
const NODE_ADDRESS = 'fib daddr type local ip daddr != 127.0.0.0/8';
const NODE_PORT_LOOKUP = `${NODE_ADDRESS} meta l4proto . th dport vmap`;

export function tableName(clusterId: string): string {
  return `nocher-${clusterId}`;
}

export function buildRules(
  ports: readonly ServicePortInfo[],
  options: RulesOptions,
  hostPorts: readonly HostPortInfo[] = [],
): NftTable {
  const builder = new RulesBuilder(options);
  // Cluster IPs first: no external IP that a Service names may take the place of another's cluster IP.
  for (const info of ports) builder.addClusterIp(info);
  for (const info of ports) builder.addExternalAddresses(info);
  for (const info of hostPorts) builder.addHostPort(info);
  return builder.table();
}

/**
 * Frames from pod to pod on one bridge go up to the node's IP layer. Without this the answer to a connection that went
 * through a Service address would take the short way past the translation back, and be refused.
 */
export function buildBridgeRules({ clusterId, podCidr }: RulesOptions, { ip, mac }: BridgeAddresses): NftTable {
  const rule = `ether type ip ip saddr ${podCidr} ip daddr ${podCidr} ip daddr != ${ip} ether daddr != ${mac} ether daddr set ${mac} meta pkttype set host`;
  const hook = 'type filter hook prerouting priority -300;';
  return {
    family: 'bridge',
    name: tableName(clusterId),
    sets: new Map(),
    chains: new Map([['prerouting', { hook, rules: [rule] }]]),
  };
}

class RulesBuilder {
  readonly #options: RulesOptions;
  readonly #chains = new Map<string, NftChain>();
  readonly #affinitySets = new Map<string, SetDeclaration>();
  readonly #serviceIps = new Map<string, string>();
  readonly #nodePorts = new Map<string, string>();
  readonly #hostPortIps = new Map<string, string>();
  readonly #hostPorts = new Map<string, string>();
  readonly #noEndpointIps = new Map<string, string>();
  readonly #noEndpointNodePorts = new Map<string, string>();
  readonly #firewallIps = new Map<string, string>();
  readonly #clusterIps = new Map<string, string>();

  constructor(options: RulesOptions) {
    this.#options = options;
  }

  table(): NftTable {
    return {
      family: 'ip',
      name: tableName(this.#options.clusterId),
      sets: new Map<string, SetDeclaration>([
        ['cluster-ips', { kind: 'set', body: 'type ipv4_addr;', elements: this.#clusterIps }],
        ['service-ips', { kind: 'map', body: SERVICE_KEY, elements: this.#serviceIps }],
        ['service-nodeports', { kind: 'map', body: NODE_PORT_KEY, elements: this.#nodePorts }],
        ['host-port-ips', { kind: 'map', body: SERVICE_KEY, elements: this.#hostPortIps }],
        ['host-ports', { kind: 'map', body: NODE_PORT_KEY, elements: this.#hostPorts }],
        ['no-endpoint-services', { kind: 'map', body: SERVICE_KEY, elements: this.#noEndpointIps }],
        ['no-endpoint-nodeports', { kind: 'map', body: NODE_PORT_KEY, elements: this.#noEndpointNodePorts }],
        ['firewall-ips', { kind: 'map', body: SERVICE_KEY, elements: this.#firewallIps }],
        ...this.#affinitySets,
      ]),
      chains: new Map<string, NftChain>([...staticChains(this.#options), ...this.#chains]),
    };
  }

  addClusterIp(info: ServicePortInfo): void {
    this.#clusterIps.set(info.clusterIp, '');
    const { endpoints, localEndpoints, isInternalLocal } = info;
    const chain = isInternalLocal
      ? this.#serviceChain('svl', info, localEndpoints)
      : this.#serviceChain('svc', info, endpoints);
    const key = addressKey(info.clusterIp, info);
    if (chain === undefined) {
      // Nobody here to serve what must stay here: dropped as upstream does, since others elsewhere could.
      this.#noEndpointIps.set(key, endpoints.length > 0 ? 'drop' : 'goto reject-chain');
      return;
    }
    const entry = `cip-${hashOf(idOf(info))}`;
    // From outside of the pods the answer must come back through this node.
    this.#chains.set(entry, {
      rules: [`ip saddr != ${this.#options.clusterCidr} jump to-masquerade`, `goto ${chain}`],
    });
    this.#serviceIps.set(key, `goto ${entry}`);
  }

  addExternalAddresses(info: ServicePortInfo): void {
    const externalIps = [...info.externalIps, ...info.loadBalancerIps];
    if (externalIps.length === 0 && info.nodePort === 0) return;
    const chain = this.#externalChain(info);
    for (const ip of externalIps)
      this.#add(this.#serviceIps, this.#noEndpointIps, { key: addressKey(ip, info), chain });
    if (info.nodePort !== 0) {
      const key = `${info.protocol} . ${info.nodePort}`;
      this.#add(this.#nodePorts, this.#noEndpointNodePorts, { key, chain });
    }
    this.#addFirewall(info);
  }

  addHostPort(info: HostPortInfo): void {
    const { protocol, hostIp, hostPort, podIp, port } = info;
    if (isLoopback(hostIp)) return;
    const chain = `hp-${hashOf(`${hostPortKey(info)}/${podIp}:${port}`)}`;
    // Others see who asks, but a pod would not take an answer of its own from itself.
    const rules = [`ip saddr ${podIp} jump to-masquerade`, `meta l4proto ${protocol} dnat to ${podIp}:${port}`];
    this.#chains.set(chain, { rules });
    if (hostIp === '') this.#hostPorts.set(`${protocol} . ${hostPort}`, `goto ${chain}`);
    else this.#hostPortIps.set(`${hostIp} . ${protocol} . ${hostPort}`, `goto ${chain}`);
  }

  /** The first Service to claim an address and port keeps it. */
  #add(
    map: Map<string, string>,
    missing: Map<string, string>,
    { key, chain }: { key: string; chain: string | undefined },
  ): void {
    if (map.has(key) || missing.has(key)) return;
    if (chain === undefined) missing.set(key, 'goto reject-chain');
    else map.set(key, `goto ${chain}`);
  }

  /** Undefined when no endpoint can take the traffic. */
  #serviceChain(prefix: string, info: ServicePortInfo, endpoints: readonly Endpoint[]): string | undefined {
    if (endpoints.length === 0) return undefined;
    const chain = `${prefix}-${hashOf(idOf(info))}`;
    if (this.#chains.has(chain)) return chain;
    const targets = endpoints.map((endpoint) => ({ endpoint, target: this.#endpointChain(info, endpoint) }));
    const rules: string[] = [];
    if (info.affinitySeconds > 0) {
      for (const { target } of targets) rules.push(`ip saddr @${affinitySet(target, info)} goto ${target}`);
    }
    const choices = targets.map(({ target }, i) => `${i} : goto ${target}`).join(', ');
    rules.push(
      targets.length === 1 ? `goto ${targets[0]!.target}` : `numgen random mod ${targets.length} vmap { ${choices} }`,
    );
    this.#chains.set(chain, { rules });
    return chain;
  }

  #endpointChain(info: ServicePortInfo, { ip, port }: Endpoint): string {
    const chain = `ep-${hashOf(`${idOf(info)}/${ip}:${port}/${info.affinitySeconds}`)}`;
    if (this.#chains.has(chain)) return chain;
    const rules = [`ip saddr ${ip} jump to-masquerade`];
    if (info.affinitySeconds > 0) {
      const set = affinitySet(chain, info);
      this.#affinitySets.set(set, {
        kind: 'set',
        body: `type ipv4_addr; flags dynamic,timeout; timeout ${info.affinitySeconds}s;`,
      });
      rules.push(`update @${set} { ip saddr }`);
    }
    rules.push(`meta l4proto ${info.protocol} dnat to ${ip}:${port}`);
    this.#chains.set(chain, { rules });
    return chain;
  }

  /** For traffic to node ports, external IPs and load balancers. */
  #externalChain(info: ServicePortInfo): string | undefined {
    const anywhere = this.#serviceChain('svc', info, info.endpoints);
    if (anywhere === undefined) return undefined;
    const chain = `ext-${hashOf(idOf(info))}`;
    if (!info.isExternalLocal) {
      this.#chains.set(chain, { rules: ['jump to-masquerade', `goto ${anywhere}`] });
      return chain;
    }
    const local = this.#serviceChain('svl', info, info.localEndpoints);
    const rules = [
      // Pods and this node's own processes are inside of the cluster: any endpoint will do.
      `ip saddr ${this.#options.clusterCidr} goto ${anywhere}`,
      'fib saddr type local jump to-masquerade',
      `fib saddr type local goto ${anywhere}`,
      local === undefined ? 'drop' : `goto ${local}`,
    ];
    this.#chains.set(chain, { rules });
    return chain;
  }

  #addFirewall(info: ServicePortInfo): void {
    if (info.sourceRanges.length === 0 || info.loadBalancerIps.length === 0) return;
    const chain = `fw-${hashOf(idOf(info))}`;
    const rules = info.sourceRanges.map((range) => `ip saddr ${range} return`);
    this.#chains.set(chain, { rules: [...rules, 'drop'] });
    for (const ip of info.loadBalancerIps) this.#firewallIps.set(addressKey(ip, info), `goto ${chain}`);
  }
}

function staticChains({ clusterCidr, podCidr, bridge }: RulesOptions): [string, NftChain][] {
  // Pods of another cluster on this host have Services of their own, perhaps at the same addresses.
  const fromOthers = `iifname != "${bridge}" iifname "nocher-*"`;
  // Services before pods, and a pod that names an address before one that takes them all.
  const ofTheNode = [
    `${NODE_PORT_LOOKUP} @service-nodeports`,
    `${NODE_ADDRESS} ${SERVICE_LOOKUP} @host-port-ips`,
    `${NODE_PORT_LOOKUP} @host-ports`,
  ];
  const unserved = [
    `${fromOthers} return`,
    `${SERVICE_LOOKUP} @no-endpoint-services`,
    'ip daddr @cluster-ips goto reject-chain',
  ];
  return [
    ['to-masquerade', { rules: [`meta mark set meta mark or ${MASQUERADE_MARK}`] }],
    // A reset is never rate-limited, as ICMP is: clients see a refusal at once.
    ['reject-chain', { rules: ['meta l4proto tcp reject with tcp reset', 'reject'] }],
    [
      'services',
      { rules: [`${fromOthers} goto services-from-others`, `${SERVICE_LOOKUP} @service-ips`, ...ofTheNode] },
    ],
    ['services-from-others', { rules: ofTheNode }],
    ['unserved', { rules: unserved }],
    // Priorities are numbers: nft 1.0.6 knows no names in output hooks.
    [
      'firewall',
      { hook: 'type filter hook prerouting priority -110;', rules: [`ct state new ${SERVICE_LOOKUP} @firewall-ips`] },
    ],
    ['prerouting', { hook: 'type nat hook prerouting priority -100;', rules: ['jump services'] }],
    ['output', { hook: 'type nat hook output priority -100;', rules: ['jump services'] }],
    [
      'input',
      {
        hook: 'type filter hook input priority 0;',
        rules: [`ct state new ${NODE_PORT_LOOKUP} @no-endpoint-nodeports`, 'ct state new jump unserved'],
      },
    ],
    ['filter-output', { hook: 'type filter hook output priority 0;', rules: ['ct state new jump unserved'] }],
    [
      'forward',
      {
        hook: 'type filter hook forward priority 0;',
        rules: ['ct state new jump unserved', `iifname "${bridge}" accept`, `oifname "${bridge}" accept`],
      },
    ],
    [
      'postrouting',
      {
        hook: 'type nat hook postrouting priority 100;',
        rules: [
          `meta mark and ${MASQUERADE_MARK} != 0 masquerade fully-random`,
          `ip saddr ${podCidr} ip daddr != ${clusterCidr} oifname != "${bridge}" masquerade fully-random`,
        ],
      },
    ],
  ];
}

function addressKey(ip: string, { protocol, port }: ServicePortInfo): string {
  return `${ip} . ${protocol} . ${port}`;
}

function affinitySet(chain: string, { affinitySeconds }: ServicePortInfo): string {
  return `aff-${chain.slice('ep-'.length)}-${affinitySeconds}`;
}

/** 16 characters that are the same for the same text in every run. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
