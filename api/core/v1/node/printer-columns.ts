/** The columns of `kubectl get nodes` (`pkg/printers/internalversion/printers.go printNode`). */
import type { PrinterColumn } from '../../../machinery/resource.ts';
import { ageColumn, NONE, UNKNOWN } from '../../../table-cells.ts';
import type { Node } from './types.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

export const nodePrinterColumns: readonly PrinterColumn<Node>[] = [
  { name: 'Status', type: 'string', description: 'Whether it is ready, and takes pods', cell: statusCell },
  {
    name: 'Roles',
    type: 'string',
    description: 'Roles, from labels',
    cell: (node) => nodeRoles(node).join(',') || NONE,
  },
  ageColumn(),
  {
    name: 'Version',
    type: 'string',
    description: 'Version of the kubelet',
    cell: ({ status }) => status?.nodeInfo?.kubeletVersion ?? '',
  },
  wide('Internal-IP', 'First address inside the cluster', (node) => firstAddress(node, 'InternalIP')),
  wide('External-IP', 'First address outside the cluster', (node) => firstAddress(node, 'ExternalIP')),
  wide('OS-Image', 'Operating system', ({ status }) => status?.nodeInfo?.osImage || UNKNOWN),
  wide('Kernel-Version', 'Kernel', ({ status }) => status?.nodeInfo?.kernelVersion || UNKNOWN),
  wide('Container-Runtime', 'Runtime', ({ status }) => status?.nodeInfo?.containerRuntimeVersion || UNKNOWN),
];

function wide(name: string, description: string, cell: (node: Node) => string): PrinterColumn<Node> {
  return { name, type: 'string', priority: 1, description, cell };
}

function statusCell({ spec, status }: Node): string {
  const ready = (status?.conditions ?? []).findLast(({ type }) => type === 'Ready');
  const word = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
}

/** From `node-role.kubernetes.io/<role>` labels and the older `kubernetes.io/role`; in order, each once. */
export function nodeRoles({ metadata }: Node): string[] {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX)) roles.add(key.slice(ROLE_PREFIX.length));
    else if (key === ROLE_LABEL) roles.add(value);
  }
  roles.delete('');
  return [...roles].sort();
}

function firstAddress({ status }: Node, type: string): string {
  return (status?.addresses ?? []).find((address) => address.type === type)?.address || NONE;
}
