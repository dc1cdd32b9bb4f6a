/** PodMetrics: what a pod's containers use; measured, not stored. */
import { quantityFromInteger, tryParseQuantity, ZERO_QUANTITY } from '../../machinery/quantity.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { PodMetrics } from './types.ts';

export const podMetrics = defineResource<PodMetrics>({
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  scope: 'Namespaced',
  names: { plural: 'pods', singular: '', kind: 'PodMetrics' },
  schema: 'V1beta1PodMetrics',
  storagePrefix: 'metrics.k8s.io/pods',
  verbs: ['get', 'list'],
  additionalPrinterColumns: [
    { name: 'cpu', type: 'string', format: 'quantity', cell: (pod) => totalOf(pod, 'cpu') },
    { name: 'memory', type: 'string', format: 'quantity', cell: (pod) => totalOf(pod, 'memory') },
    { name: 'Window', type: 'string', format: 'duration', cell: ({ window }) => window ?? '' },
  ],
});

function totalOf({ containers }: PodMetrics, resource: string): string {
  const format = resource === 'memory' ? 'BinarySI' : 'DecimalSI';
  const amounts = (containers ?? []).map(({ usage }) => tryParseQuantity(usage?.[resource]) ?? ZERO_QUANTITY);
  return amounts.reduce((total, amount) => total.add(amount), quantityFromInteger(0, format)).toString();
}
