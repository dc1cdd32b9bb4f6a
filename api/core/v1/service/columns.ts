/** Columns of `kubectl get services` (upstream: `pkg/printers/internalversion/printers.go`, `printService`). */
import type { PrinterColumn } from '../../../machinery/resource.ts';
import { NONE, UNKNOWN, ageColumn, labelsCell } from '../../../table-cells.ts';
import { specOf } from './spec.ts';
import type { Service } from './spec.ts';

export const serviceColumns: readonly PrinterColumn<Service>[] = [
  { name: 'Type', type: 'string', description: 'How the service is exposed', cell: ({ spec }) => spec?.type ?? '' },
  {
    name: 'Cluster-IP',
    type: 'string',
    description: 'Address inside the cluster',
    cell: ({ spec }) => spec?.clusterIPs?.[0] ?? spec?.clusterIP ?? NONE,
  },
  { name: 'External-IP', type: 'string', description: 'Addresses from outside', cell: externalIpCell },
  { name: 'Port(s)', type: 'string', description: 'Ports that the service exposes', cell: portsCell },
  ageColumn(),
  {
    name: 'Selector',
    type: 'string',
    priority: 1,
    description: 'Labels of the pods behind the service',
    cell: ({ spec }) => labelsCell(spec?.selector),
  },
];

function externalIpCell(service: Service): string {
  const spec = specOf(service);
  const externalIps = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return externalIps.length > 0 ? externalIps.join(',') : NONE;
    case 'LoadBalancer': {
      const ingress = (service.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
      const addresses = [...new Set(ingress)].filter((address) => address !== '').sort();
      return [...addresses, ...externalIps].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return UNKNOWN;
  }
}

function portsCell({ spec }: Service): string {
  const ports = (spec?.ports ?? []).map(({ port, nodePort, protocol }) => {
    const numbers = nodePort ? `${port ?? 0}:${nodePort}` : `${port ?? 0}`;
    return `${numbers}/${protocol ?? 'TCP'}`;
  });
  return ports.length > 0 ? ports.join(',') : NONE;
}
