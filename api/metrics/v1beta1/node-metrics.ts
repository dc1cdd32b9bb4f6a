/** NodeMetrics: what a node uses; measured, not stored. */
import { defineResource } from '../../machinery/resource.ts';
import type { NodeMetrics } from './types.ts';

export const nodeMetrics = defineResource<NodeMetrics>({
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  scope: 'Cluster',
  names: { plural: 'nodes', singular: '', kind: 'NodeMetrics' },
  schema: 'V1beta1NodeMetrics',
  storagePrefix: 'metrics.k8s.io/nodes',
  verbs: ['get', 'list'],
  additionalPrinterColumns: [
    { name: 'cpu', type: 'string', format: 'quantity', cell: ({ usage }) => usage?.['cpu'] ?? '' },
    { name: 'memory', type: 'string', format: 'quantity', cell: ({ usage }) => usage?.['memory'] ?? '' },
    { name: 'Window', type: 'string', format: 'duration', cell: ({ window }) => window ?? '' },
  ],
});
