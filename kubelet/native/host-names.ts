/** The names on the host that one cluster takes. */
export function hostNames(clusterId: string): { bridge: string; cgroup: string } {
  return { bridge: `nocher-${clusterId}`, cgroup: `nocher-${clusterId}` };
}
