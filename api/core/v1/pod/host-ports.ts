/** The ports of a node that a pod takes while it runs (upstream `framework.HostPortInfo`). */
import { isSidecar } from './containers.ts';
import type { Pod } from './types.ts';

export interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

export const ANY_ADDRESS = '0.0.0.0';
const NONE: readonly HostPort[] = [];

/** Of its containers and sidecars. */
export function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  let found: HostPort[] | undefined;
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? []).filter(isSidecar)];
  for (const { ports } of containers) {
    for (const { hostPort = 0, hostIP, protocol } of ports ?? []) {
      if (hostPort > 0) (found ??= []).push({ ip: hostIP || ANY_ADDRESS, protocol: protocol || 'TCP', port: hostPort });
    }
  }
  return found ?? NONE;
}

/** `0.0.0.0` is in the way of every address. */
export function isSamePort(one: HostPort, other: HostPort): boolean {
  if (one.port !== other.port || one.protocol !== other.protocol) return false;
  return one.ip === other.ip || one.ip === ANY_ADDRESS || other.ip === ANY_ADDRESS;
}
