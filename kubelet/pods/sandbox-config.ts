/** The sandbox that a pod asks for (upstream `kuberuntime/kuberuntime_sandbox.go`): pure. */
import { allContainers } from '../../api/core/v1/pod/containers.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { DnsConfig } from '../env/pod-names.ts';
import type { PodSandboxConfig } from '../runtime.ts';
import { POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL } from './labels.ts';
import { podCgroup, podResources } from './linux-resources.ts';

export interface SandboxInput {
  attempt: number;
  hostname: string;
  logDirectory: string;
  dns: DnsConfig;
}

/** Throws for what no driver gives: users are not mapped, so that root of such a pod would be root of the node. */
export function checkSandbox({ spec }: Pod): void {
  if (spec.hostUsers === false)
    throw new Error("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
}

export function sandboxConfigOf(pod: Pod, { attempt, hostname, logDirectory, dns }: SandboxInput): PodSandboxConfig {
  const { name = '', namespace = '', uid = '', labels = {}, annotations = {} } = pod.metadata;
  const { spec } = pod;
  return {
    metadata: { name, namespace, uid, attempt },
    hostname,
    logDirectory,
    dns,
    portMappings: portMappingsOf(pod),
    labels: { ...labels, [POD_NAME_LABEL]: name, [POD_NAMESPACE_LABEL]: namespace, [POD_UID_LABEL]: uid },
    annotations: { ...annotations },
    linux: {
      cgroupParent: podCgroup(pod),
      resources: podResources(pod),
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map((one) => [one.name, one.value])),
      network: spec.hostNetwork === true ? 'node' : 'pod',
      pid: spec.hostPID === true ? 'node' : spec.shareProcessNamespace === true ? 'pod' : 'container',
      ipc: spec.hostIPC === true ? 'node' : 'pod',
      ...(isPrivileged(pod) ? { privileged: true } : {}),
    },
  };
}

function isPrivileged({ spec }: Pod): boolean {
  return allContainers(spec).some(({ securityContext }) => securityContext?.privileged === true);
}

function portMappingsOf({ spec }: Pod): PodSandboxConfig['portMappings'] {
  if (spec.hostNetwork === true) return [];
  const mappings: PodSandboxConfig['portMappings'] = [];
  for (const { ports = [] } of allContainers(spec)) {
    for (const { protocol = 'TCP', containerPort, hostPort = 0, hostIP = '' } of ports) {
      if (hostPort > 0)
        mappings.push({ protocol: protocol as 'TCP' | 'UDP' | 'SCTP', containerPort, hostPort, hostIP });
    }
  }
  return mappings;
}
