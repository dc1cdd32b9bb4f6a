/**
 * What a cluster can leave on a machine, as text that can be compared before and after. Everything of its network
 * namespace is taken as it is; of what the whole machine shares, what bears the cluster's name or folder, since others
 * work on the machine as well.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import type { Cluster } from './harness.ts';
import { eventually } from './harness.ts';

export type HostState = Record<
  | 'mounts'
  | 'namespaces'
  | 'links'
  | 'addresses'
  | 'routes'
  | 'ruleset'
  | 'cgroups'
  | 'sockets'
  | 'sysctls'
  | 'processes'
  | 'files',
  string[]
>;

/** A process of the cluster, by more than its number, which is used again. */
export interface ClusterProcess {
  pid: string;
  startTime: string;
  command: string;
  /** `net:[4026531840]` and so on. */
  namespaces: string[];
}

const NAMESPACES = ['net', 'mnt', 'pid', 'ipc', 'uts', 'cgroup'];
/** Values that change by themselves. */
const VOLATILE =
  /nf_conntrack_count|nf_conntrack_max|\.stat\.|tcp_mem|udp_mem|ipfrag|netdev_rss_key|tcp_fastopen_key|neigh\.default\.last_flush/;

/** Waits until the namespace's own addresses are settled: from then on only a cluster changes anything. */
export async function settled(cluster: Cluster): Promise<void> {
  await eventually('the addresses are settled', () => {
    const { stdout } = cluster.host('ip', ['-o', 'address']);
    const settledLinks = stdout
      .split('\n')
      .filter((line) => line.includes('inet6 fe80') && !line.includes('tentative'));
    return settledLinks.length === 2 || !stdout.includes('inet6');
  });
}

/** Eight hex digits of the folder: the cluster's name on its host. */
export function clusterId(cluster: Cluster): string {
  return createHash('sha256').update(cluster.dataDir).digest('hex').slice(0, 8);
}

export function hostState(cluster: Cluster): HostState {
  const id = clusterId(cluster);
  const lines = (command: string, ...args: string[]): string[] => {
    const { code, stdout, stderr } = cluster.host(command, args);
    if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
    return stdout.split('\n').filter((line) => line.trim() !== '');
  };
  const processes = clusterProcesses(cluster);
  return {
    mounts: [
      ...new Set(
        [...mountsOf(['self', ...processes.map(({ pid }) => pid)])].filter(
          (line) => line.includes(cluster.dataDir) || line.includes(id),
        ),
      ),
    ].sort(),
    namespaces: [
      ...new Set([
        ...processes.flatMap(({ namespaces }) => namespaces),
        ...existing('/run/netns').filter((name) => name.includes(id)),
      ]),
    ].sort(),
    links: lines('ip', '-o', 'link').map((line) => line.replace(/ state \S+.*/, '').replace('NO-CARRIER,', '')),
    addresses: lines('ip', '-o', 'address').map((line) => line.replaceAll(/valid_lft.*/g, '')),
    routes: lines('ip', 'route', 'show', 'table', 'all'),
    ruleset: lines('nft', 'list', 'ruleset'),
    cgroups: spawnSync('find', ['/sys/fs/cgroup', '-name', `*${id}*`], { encoding: 'utf8' })
      .stdout.split('\n')
      .filter(Boolean),
    sockets: [
      ...lines('cat', '/proc/net/unix')
        .slice(1)
        .map(
          (line) =>
            `unix ${line
              .split(/\s+/)
              .slice(3)
              .join(' ')
              .replace(/ \d+( |$)/, ' ')}`,
        ),
      ...lines('sh', '-c', 'ss -Hltun 2>/dev/null || true').map((line) => `listens ${line.replaceAll(/\s+/g, ' ')}`),
    ].sort(),
    sysctls: lines('sh', '-c', 'sysctl -a 2>/dev/null | grep "^net\\."').filter((line) => !VOLATILE.test(line)),
    processes: processes.map(({ pid, command }) => `${pid} ${command}`),
    files: spawnSync('find', ['/run/nocher', '-name', `*${id}*`], { encoding: 'utf8' })
      .stdout.split('\n')
      .filter(Boolean),
  };
}

/** Every process of the cluster: by its network, its cgroup, or the folder in its command line. */
export function clusterProcesses(cluster: Cluster): ClusterProcess[] {
  const network = cluster.host('readlink', ['/proc/self/ns/net']).stdout.trim();
  const id = clusterId(cluster);
  const found: ClusterProcess[] = [];
  for (const pid of existing('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
        .replaceAll('\0', ' ')
        .trim();
      const cgroup = readFileSync(join('/proc', pid, 'cgroup'), 'utf8');
      const namespaces = NAMESPACES.map((name) => readlinkSync(join('/proc', pid, 'ns', name)));
      // A store that the test has started beside the cluster.
      if (command.startsWith('etcd ')) continue;
      const isOurs =
        namespaces.includes(network) || cgroup.includes(`nocher-${id}`) || command.includes(cluster.dataDir);
      if (isOurs) found.push({ pid, startTime: startTimeOf(pid), command, namespaces });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** Those of `processes` that still run. */
export function survivors(processes: readonly ClusterProcess[]): ClusterProcess[] {
  return processes.filter(({ pid, startTime }) => {
    try {
      return startTimeOf(pid) === startTime;
    } catch {
      return false;
    }
  });
}

/** Of a process that has ended, and was only not waited for yet: none. */
function startTimeOf(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : fields[19]!;
}

/**
 * As the host and the given processes see them. Other clusters' processes do not count: one that began a mount namespace
 * while this cluster had a mount keeps a copy of it.
 */
function* mountsOf(pids: readonly string[]): Generator<string> {
  const seen = new Set<string>();
  for (const pid of pids) {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
      if (seen.has(namespace)) continue;
      seen.add(namespace);
      for (const line of readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n'))
        yield line.split(' ').slice(3).join(' ');
    } catch {
      // It ended while we looked.
    }
  }
}

function existing(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
