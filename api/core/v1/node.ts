/** Node: a machine that runs pods (upstream: `pkg/registry/core/node/strategy.go`). */
import { defineResource } from '../../machinery/resource.ts';
import { nodePrinterColumns } from './node/printer-columns.ts';
import type { Node, NodeSpec } from './node/types.ts';
import { validateNode, validateNodeUpdate } from './node/validation.ts';
import { canonicalizeResourceList } from './pod/resources.ts';

export type { Node, NodeSpec, NodeStatus, Taint } from './node/types.ts';

export const nodes = defineResource<Node>({
  group: '',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'nodes', singular: 'node', kind: 'Node', shortNames: ['no'] },
  schema: 'V1Node',
  storagePrefix: 'minions',
  subresources: { status: {} },
  additionalPrinterColumns: nodePrinterColumns,
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable === true) },
  strategy: {
    default: defaultNode,
    // A kubelet registers its node with the status: creation keeps it.
    prepareForUpdate(next, previous) {
      if (previous.status === undefined) delete next.status;
      else next.status = previous.status;
    },
    validate: validateNode,
    validateUpdate: validateNodeUpdate,
    warnings: ({ spec }) => warningsForSpec(spec),
    status: {
      prepareForUpdate(next, previous) {
        next.spec = previous.spec;
      },
      validateUpdate: validateNodeUpdate,
    },
    // Upstream never sets a node's generation.
    hasGeneration: false,
  },
});

/** Strings that Go writes even when they are empty. */
const EMPTY_NODE_INFO = {
  architecture: '',
  bootID: '',
  containerRuntimeVersion: '',
  kernelVersion: '',
  kubeProxyVersion: '',
  kubeletVersion: '',
  machineID: '',
  operatingSystem: '',
  osImage: '',
  systemUUID: '',
};

/** All capacity is allocatable unless the kubelet says otherwise; `podCIDR` is the first of `podCIDRs`, and wins. */
function defaultNode(node: Node): void {
  const spec = (node.spec ??= {});
  const status = (node.status ??= {});
  canonicalizeResourceList(status.capacity);
  canonicalizeResourceList(status.allocatable);
  if (status.allocatable === undefined && status.capacity !== undefined) status.allocatable = { ...status.capacity };
  status.nodeInfo = { ...EMPTY_NODE_INFO, ...status.nodeInfo };
  status.daemonEndpoints ??= {};
  status.daemonEndpoints.kubeletEndpoint ??= { Port: 0 };
  if (spec.podCIDR) {
    if (spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  } else if (spec.podCIDRs?.[0] !== undefined) {
    spec.podCIDR = spec.podCIDRs[0];
  }
}

function warningsForSpec(spec: NodeSpec): string[] {
  const warnings: string[] = [];
  if (spec.configSource) warnings.push('spec.configSource: the feature is no longer supported');
  if (spec.externalID) warnings.push('spec.externalID: this field is deprecated, and is unused');
  return warnings;
}
