/** Ingress: HTTP routes from outside to Services (upstream: `pkg/registry/networking/ingress`, `printIngress`). */
import type { ApiObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { PrinterColumn } from '../../machinery/resource.ts';
import { NONE, ageColumn } from '../../table-cells.ts';
import type { Ingress } from './ingress/types.ts';
import { validateIngress, validateIngressStatus, validateIngressUpdate } from './ingress/validation.ts';

export type { Ingress } from './ingress/types.ts';

/** Hosts that a cell shows before it counts the rest. */
const MAX_HOSTS = 3;

export const ingresses = defineResource<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'ingresses', singular: 'ingress', kind: 'Ingress', shortNames: ['ing'] },
  schema: 'V1Ingress',
  // Where upstream has kept them since the kind's first group.
  storagePrefix: 'ingress',
  subresources: { status: {} },
  additionalPrinterColumns: ingressColumns((ingress: Ingress) => ingress),
  strategy: {
    prepareForCreate(object) {
      object.status = { loadBalancer: {} };
    },
    validate: validateIngress,
    validateUpdate: validateIngressUpdate,
    status: { validateUpdate: validateIngressStatus },
    hasGeneration: true,
  },
});

/** The columns of every version of the kind; `toStored` gives the form that they read. */
export function ingressColumns<T extends ApiObject>(toStored: (object: T) => Ingress): PrinterColumn<T>[] {
  return [
    {
      name: 'Class',
      type: 'string',
      description: 'Class whose controller serves the Ingress',
      cell: (object) => toStored(object).spec?.ingressClassName ?? NONE,
    },
    {
      name: 'Hosts',
      type: 'string',
      description: 'Hosts that the rules are for',
      cell: (object) => hostsCell(toStored(object)),
    },
    {
      name: 'Address',
      type: 'string',
      description: 'Where the load balancer answers',
      cell: (object) => addressCell(toStored(object)),
    },
    {
      name: 'Ports',
      type: 'string',
      description: 'Ports that are open',
      cell: (object) => ((toStored(object).spec?.tls ?? []).length > 0 ? '80, 443' : '80'),
    },
    ageColumn(),
  ];
}

/** `formatHosts`: it counts every rule, also those without a host. */
function hostsCell({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const hosts = rules.map(({ host = '' }) => host).filter((host) => host !== '');
  if (hosts.length === 0) return '*';
  const shown = hosts.slice(0, MAX_HOSTS).join(',');
  return hosts.length > MAX_HOSTS ? `${shown} + ${rules.length - MAX_HOSTS} more...` : shown;
}

function addressCell({ status }: Ingress): string {
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  return [...new Set(addresses.filter((address) => address !== ''))].sort().join(',');
}
