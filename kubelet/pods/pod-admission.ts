/**
 * Pods that this node cannot run at all: they fail at once (upstream `pkg/kubelet/lifecycle`, `pkg/kubelet/sysctl`).
 */
import type { Pod } from '../../api/core/v1/pod/types.ts';

export interface PodVerdict {
  reason: string;
  message: string;
}

/** `sysctl.SafeSysctlAllowlist`. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

/** Undefined for a pod that may run. */
export function refusePod({ spec }: Pod): PodVerdict | undefined {
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const sysctl = name.replaceAll('/', '.');
    if (!SAFE_SYSCTLS.has(sysctl))
      return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} not allowlisted` };
    const isOfNode =
      (spec.hostNetwork === true && sysctl.startsWith('net.')) ||
      (spec.hostIPC === true && sysctl.startsWith('kernel.'));
    if (isOfNode)
      return {
        reason: 'SysctlForbidden',
        message: `forbidden sysctl: ${JSON.stringify(name)} not allowed with host namespaces`,
      };
  }
  if (spec.os !== undefined && spec.os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  return undefined;
}
