/** Endpoints: the older form of EndpointSlice (upstream: `ValidateEndpoints`, `printEndpoints`). */
import type { V1Endpoints } from '@kubernetes/client-node';
import { fieldPath, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { isValidIp, validateNonSpecialIp } from '../../machinery/validation-ip.ts';
import {
  invalidEach,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidPortNum,
} from '../../machinery/validation.ts';
import { NONE, ageColumn, shortList } from '../../table-cells.ts';
import { validateProtocol } from './service/port-validation.ts';

export type Endpoints = WireObject<V1Endpoints>;

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];
type Port = NonNullable<Subset['ports']>[number];

export const endpoints = defineResource<Endpoints>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'endpoints', singular: 'endpoints', kind: 'Endpoints', shortNames: ['ep'] },
  schema: 'V1Endpoints',
  storagePrefix: 'services/endpoints',
  deprecationWarning: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  additionalPrinterColumns: [
    { name: 'Endpoints', type: 'string', description: 'Addresses and ports that are ready', cell: endpointsCell },
    ageColumn(),
  ],
  strategy: {
    default(object) {
      for (const subset of object.subsets ?? []) {
        for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
      }
    },
    validate: validateEndpoints,
    validateUpdate: validateEndpoints,
    // Upstream keeps no generation here.
    hasGeneration: false,
  },
});

function endpointsCell({ subsets = [] }: Endpoints): string {
  const list = subsets.flatMap(({ addresses = [], ports = [] }) => {
    const hosts = addresses.map(({ ip = '' }) => (ip.includes(':') && ports.length > 0 ? `[${ip}]` : ip));
    return ports.length === 0 ? hosts : ports.flatMap(({ port }) => hosts.map((host) => `${host}:${port ?? 0}`));
  });
  if (subsets.length === 0) return NONE;
  return shortList(list);
}

function validateEndpoints({ subsets = [] }: Endpoints): FieldError[] {
  return subsets.flatMap((subset, i) => validateSubset(subset, fieldPath('subsets').index(i)));
}

function validateSubset({ addresses = [], notReadyAddresses = [], ports = [] }: Subset, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (addresses.length === 0 && notReadyAddresses.length === 0) {
    errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
  }
  addresses.forEach((address, i) => errors.push(...validateAddress(address, path.child('addresses').index(i))));
  notReadyAddresses.forEach((address, i) =>
    errors.push(...validateAddress(address, path.child('notReadyAddresses').index(i))),
  );
  ports.forEach((port, i) => errors.push(...validatePort(port, ports.length > 1, path.child('ports').index(i))));
  return errors;
}

function validateAddress({ ip = '', hostname, nodeName }: Address, path: FieldPath): FieldError[] {
  const errors = isValidIp(path.child('ip'), ip);
  if (hostname) errors.push(...invalidEach(path.child('hostname'), hostname, isDns1123Label(hostname)));
  if (nodeName !== undefined)
    errors.push(...invalidEach(path.child('nodeName'), nodeName, isDns1123Subdomain(nodeName)));
  errors.push(...validateNonSpecialIp(path.child('ip'), ip));
  return errors;
}

function validatePort(
  { name, port = 0, protocol, appProtocol }: Port,
  nameRequired: boolean,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (name) errors.push(...invalidEach(path.child('name'), name, isDns1123Label(name)));
  else if (nameRequired) errors.push(required(path.child('name')));
  errors.push(
    ...invalidEach(path.child('port'), port, isValidPortNum(port)),
    ...validateProtocol(protocol, path.child('protocol')),
  );
  if (appProtocol !== undefined) {
    errors.push(...invalidEach(path.child('appProtocol'), appProtocol, isQualifiedName(appProtocol)));
  }
  return errors;
}
