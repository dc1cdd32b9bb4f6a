/** ComponentStatus: how the control plane's parts are, read only (upstream: `pkg/registry/core/componentstatus`). */
import type { V1ComponentStatus } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';

export type ComponentStatus = WireObject<V1ComponentStatus>;

export const componentStatuses = defineResource<ComponentStatus>({
  group: '',
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'componentstatuses',
    singular: 'componentstatus',
    kind: 'ComponentStatus',
    shortNames: ['cs'],
  },
  schema: 'V1ComponentStatus',
  verbs: ['get', 'list'],
  deprecationWarning: 'v1 ComponentStatus is deprecated in v1.19+',
  additionalPrinterColumns: [
    {
      name: 'Status',
      type: 'string',
      description: 'Whether it is healthy',
      cell: ({ conditions }) => {
        const healthy = conditions?.find(({ type }) => type === 'Healthy');
        return healthy?.status === 'True' ? 'Healthy' : healthy?.status === 'False' ? 'Unhealthy' : 'Unknown';
      },
    },
    {
      name: 'Message',
      type: 'string',
      description: 'What it says of itself',
      cell: ({ conditions }) => conditions?.find(({ type }) => type === 'Healthy')?.message ?? '',
    },
    {
      name: 'Error',
      type: 'string',
      description: 'Why it could not be asked',
      cell: ({ conditions }) => conditions?.find(({ type }) => type === 'Healthy')?.error ?? '',
    },
  ],
});
