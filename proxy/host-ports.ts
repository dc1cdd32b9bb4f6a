/**
 * Ports of the node that lead to a pod on it, by the pods' `hostPort`s (upstream leaves this to the CNI plugin
 * `portmap`). Pure. Addresses are taken over only in forms that were checked, since they end in rules.
 */
import { isIPv4 } from 'node:net';
import type { Pod } from '../api/core/v1/pod/types.ts';
import type { Protocol } from './service-map.ts';
import { isPort, isUsableIp, PROTOCOLS } from './service-map.ts';

/** One port of this node and where it leads. */
export interface HostPortInfo {
  protocol: Protocol;
  /** The one address of the node that serves it; empty: all, 127.0.0.1 among them. */
  hostIp: string;
  hostPort: number;
  podIp: string;
  port: number;
}

/** From the pods of this node. Of two that claim the same, the first by name has it; the scheduler prevents that. */
export function hostPortsOf(pods: Iterable<Pod>): HostPortInfo[] {
  const found = new Map<string, HostPortInfo>();
  const served = [...pods].filter(hasOwnNetwork).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  for (const info of served.flatMap(portsOf)) {
    const key = hostPortKey(info);
    if (!found.has(key)) found.set(key, info);
  }
  return [...found.values()];
}

/** Says which traffic it is about: `tcp//8080`, `udp/192.0.2.1/53`. */
export function hostPortKey({ protocol, hostIp, hostPort }: HostPortInfo): string {
  return `${protocol}/${hostIp}/${hostPort}`;
}

export function isLoopback(ip: string): boolean {
  return ip.startsWith('127.');
}

function nameOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

/** A pod that has ended has given its address back. */
function hasOwnNetwork({ spec, status }: Pod): boolean {
  const { phase = '', podIP = '' } = status ?? {};
  return spec?.hostNetwork !== true && isUsableIp(podIP) && phase !== 'Succeeded' && phase !== 'Failed';
}

/** Those of sidecars, too. */
function portsOf({ spec, status }: Pod): HostPortInfo[] {
  const { containers = [], initContainers = [] } = spec ?? {};
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...containers, ...sidecars].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, containerPort, hostIP = '', protocol: name }) => {
      const protocol = PROTOCOLS[name ?? 'TCP'];
      const hostIp = hostIP === '0.0.0.0' ? '' : hostIP;
      if (protocol === undefined || !isPort(hostPort) || !isPort(containerPort)) return [];
      if (hostIp !== '' && !isIPv4(hostIp)) return [];
      return [{ protocol, hostIp, hostPort, podIp: status!.podIP!, port: containerPort }];
    }),
  );
}
