/** Host name, `/etc/hosts` and `/etc/resolv.conf` of a pod (upstream `kubelet_pods.go`, `network/dns/dns.go`): pure. */
import type { Pod } from '../../api/core/v1/pod/types.ts';

const MAX_HOSTNAME_LENGTH = 63;
const MAX_SEARCHES = 32;
const MAX_SERVERS = 3;

export interface PodHostname {
  /** What `hostname` prints: that of the node with `hostNetwork`. */
  hostname: string;
  /** `web-0.db.default.svc.cluster.local`; empty without a subdomain. */
  fqdn: string;
}

/** `GeneratePodHostNameAndDomain`. */
export function podHostname(
  pod: Pod,
  { nodeName, clusterDomain }: { nodeName: string; clusterDomain: string },
): PodHostname {
  const { spec, metadata } = pod;
  if (spec.hostNetwork === true && spec.hostnameOverride === undefined) return { hostname: nodeName, fqdn: '' };
  if (spec.hostnameOverride) return { hostname: spec.hostnameOverride, fqdn: '' };
  const hostname = spec.hostname || truncate(metadata.name ?? '');
  const fqdn = spec.subdomain ? `${hostname}.${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : '';
  return spec.setHostnameAsFQDN === true && fqdn !== '' ? { hostname: fqdn, fqdn } : { hostname, fqdn };
}

function truncate(name: string): string {
  return name.length <= MAX_HOSTNAME_LENGTH ? name : name.slice(0, MAX_HOSTNAME_LENGTH).replace(/[-.]+$/, '');
}

export interface HostsFileInput {
  podIps: readonly string[];
  hostname: PodHostname;
  /** The node's own file, for pods of the host network. */
  nodeHosts?: string | undefined;
}

/** `managedHostsFileContent` and `nodeHostsFileContent`: the first line is what users recognise it by. */
export function hostsFile(pod: Pod, { podIps, hostname, nodeHosts }: HostsFileInput): string {
  if (nodeHosts !== undefined) return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliasLines(pod)}`;
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
  ];
  const shortName = hostname.fqdn === '' ? hostname.hostname : hostname.fqdn.slice(0, hostname.fqdn.indexOf('.'));
  const names = hostname.fqdn === '' ? shortName : `${hostname.fqdn}\t${shortName}`;
  for (const ip of podIps) lines.push(`${ip}\t${names}`);
  return `${lines.join('\n')}\n${aliasLines(pod)}`;
}

function aliasLines({ spec }: Pod): string {
  const aliases = spec.hostAliases ?? [];
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}`);
  return `\n# Entries added by HostAliases.\n${lines.join('\n')}\n`;
}

export interface DnsConfig {
  servers: string[];
  searches: string[];
  options: string[];
}

/** `GetPodDNS`: by policy, and then what the pod adds. */
export function podDns(pod: Pod, cluster: { servers: readonly string[]; domain: string }, node: DnsConfig): DnsConfig {
  const base = basicDns(pod, cluster, node);
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {};
  const added = options.map(({ name = '', value }) =>
    value === undefined || value === '' ? name : `${name}:${value}`,
  );
  const addedNames = new Set(options.map(({ name = '' }) => name));
  const kept = base.options.filter((option) => !addedNames.has(option.split(':')[0]!));
  return {
    servers: unique([...base.servers, ...nameservers]).slice(0, MAX_SERVERS),
    searches: unique([...base.searches, ...searches]).slice(0, MAX_SEARCHES),
    options: [...kept, ...added],
  };
}

function basicDns(
  { metadata, spec }: Pod,
  { servers, domain }: { servers: readonly string[]; domain: string },
  node: DnsConfig,
): DnsConfig {
  const policy = spec.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { servers: [], searches: [], options: [] };
  const usesCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && spec.hostNetwork !== true);
  if (!usesCluster || servers.length === 0) return node;
  const searches = [`${metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...node.searches];
  return { servers: [...servers], searches: unique(searches), options: ['ndots:5'] };
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];

export function resolvConf({ servers, searches, options }: DnsConfig): string {
  const lines = [
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}`]),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Reads a `resolv.conf`; what it does not know is left out. */
export function parseResolvConf(text: string): DnsConfig {
  const config: DnsConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) config.servers.push(values[0]);
    else if (keyword === 'search') config.searches = values.filter((value) => value !== '.');
    else if (keyword === 'options') config.options = values;
  }
  return config;
}
