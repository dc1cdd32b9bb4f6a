/** From a sandbox's record to the config of its monitor (native/README.md, section 2): pure. */
import type { SandboxRecord } from './sandbox.ts';

export interface NodeNames {
  cgroup: string;
  bridge: string;
  gateway: string;
  prefixLength: number;
}

export function monitorConfig(
  { config, id, ip, hostInterface }: SandboxRecord,
  names: NodeNames,
): Record<string, unknown> {
  const { linux } = config;
  const { oomScoreAdj: _, ...limits } = linux.resources ?? {};
  const network = {
    hostInterface,
    interface: 'eth0',
    bridge: names.bridge,
    addresses: [`${ip}/${names.prefixLength}`],
    gateways: [names.gateway],
  };
  return {
    version: 1,
    id,
    hostname: linux.network === 'node' ? '' : config.hostname,
    namespaces: { network: linux.network, pid: linux.pid, ipc: linux.ipc },
    ...(ip === '' ? {} : { network }),
    sysctls: linux.sysctls,
    oomScoreAdj: -998,
    cgroup: { parent: `${names.cgroup}/${linux.cgroupParent}`, monitor: `${names.cgroup}/monitors`, resources: limits },
  };
}
