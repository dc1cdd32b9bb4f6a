/** EndpointSlice: addresses behind a Service (upstream: `pkg/apis/discovery/validation`, `pkg/registry/discovery`). */
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { validateProtocol } from '../../core/v1/service/port-validation.ts';
import { deepEqual } from '../../machinery/equality.ts';
import { duplicate, fieldPath, invalid, notSupported, required, tooMany } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { isValidIpv4Address, isValidIpv6Address, validateNonSpecialIp } from '../../machinery/validation-ip.ts';
import {
  invalidEach,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
  isValidPortNum,
  validateImmutable,
  validateLabels,
} from '../../machinery/validation.ts';
import { UNSET, ageColumn, shortList } from '../../table-cells.ts';

export type EndpointSlice = WireObject<V1EndpointSlice>;

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];
type EndpointPort = NonNullable<EndpointSlice['ports']>[number];
type Hints = NonNullable<Endpoint['hints']>;

/** Limits of `pkg/apis/discovery/validation/validation.go`. */
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20000;
const MAX_TOPOLOGY_LABELS = 16;
const MAX_HINTS = 8;
const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];

export const endpointSlices = defineResource<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'endpointslices', singular: 'endpointslice', kind: 'EndpointSlice' },
  schema: 'V1EndpointSlice',
  additionalPrinterColumns: [
    {
      name: 'AddressType',
      type: 'string',
      description: 'Type of the addresses',
      cell: ({ addressType }) => addressType ?? '',
    },
    { name: 'Ports', type: 'string', description: 'Ports of the endpoints', cell: portsCell },
    { name: 'Endpoints', type: 'string', description: 'Addresses of the endpoints', cell: endpointsCell },
    ageColumn(),
  ],
  strategy: {
    default({ ports }) {
      for (const port of ports ?? []) {
        port.name ??= '';
        port.protocol ??= 'TCP';
      }
    },
    prepareForUpdate(next, previous) {
      const { metadata: nextMeta, ...nextContent } = next;
      const { metadata: previousMeta, ...previousContent } = previous;
      const isChanged = !deepEqual(nextContent, previousContent) || !deepEqual(nextMeta.labels, previousMeta.labels);
      nextMeta.generation = (previousMeta.generation ?? 0) + (isChanged ? 1 : 0);
    },
    validate: validateEndpointSlice,
    validateUpdate: (next, previous) => [
      ...validateEndpointSlice(next),
      ...validateImmutable(next.addressType, previous.addressType, fieldPath('addressType')),
    ],
    // There is no spec: prepareForUpdate counts changes of the content.
    hasGeneration: true,
  },
});

function portsCell({ ports = [] }: EndpointSlice): string {
  return shortList(ports.map(({ port, name }) => port ?? (name || '*'))) || UNSET;
}

function endpointsCell({ endpoints }: EndpointSlice): string {
  return shortList((endpoints ?? []).flatMap(({ addresses }) => addresses ?? [])) || UNSET;
}

function validateEndpointSlice({ addressType, endpoints, ports }: EndpointSlice): FieldError[] {
  return [
    ...validateAddressType(addressType),
    ...validateEndpoints(endpoints ?? [], addressType),
    ...validatePorts(ports ?? []),
  ];
}

function validateAddressType(addressType: string): FieldError[] {
  const path = fieldPath('addressType');
  if (!addressType) return [required(path)];
  return ADDRESS_TYPES.includes(addressType) ? [] : [notSupported(path, addressType, ADDRESS_TYPES)];
}

function validateEndpoints(endpoints: readonly Endpoint[], addressType: string): FieldError[] {
  const path = fieldPath('endpoints');
  if (endpoints.length > MAX_ENDPOINTS) return [tooMany(path, endpoints.length, MAX_ENDPOINTS)];
  return endpoints.flatMap((endpoint, i) => validateEndpoint(endpoint, addressType, path.index(i)));
}

function validateEndpoint(endpoint: Endpoint, addressType: string, path: FieldPath): FieldError[] {
  const { addresses = [], nodeName, deprecatedTopology = {}, hostname, hints } = endpoint;
  const errors: FieldError[] = [];
  const addressesPath = path.child('addresses');
  if (addresses.length === 0) errors.push(required(addressesPath, 'must contain at least 1 address'));
  else if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(addressesPath, addresses.length, MAX_ADDRESSES));
  else addresses.forEach((address, i) => errors.push(...validateAddress(address, addressType, addressesPath.index(i))));
  if (nodeName !== undefined)
    errors.push(...invalidEach(path.child('nodeName'), nodeName, isDns1123Subdomain(nodeName)));
  const topologyPath = path.child('deprecatedTopology');
  const labelCount = Object.keys(deprecatedTopology).length;
  if (labelCount > MAX_TOPOLOGY_LABELS) errors.push(tooMany(topologyPath, labelCount, MAX_TOPOLOGY_LABELS));
  errors.push(...validateLabels(deprecatedTopology, topologyPath));
  if (hostname !== undefined) errors.push(...invalidEach(path.child('hostname'), hostname, isDns1123Label(hostname)));
  if (hints) errors.push(...validateHints(hints, path.child('hints')));
  return errors;
}

function validateAddress(address: string, addressType: string, path: FieldPath): FieldError[] {
  switch (addressType) {
    case 'IPv4':
    case 'IPv6': {
      const errors = addressType === 'IPv4' ? isValidIpv4Address(path, address) : isValidIpv6Address(path, address);
      return [...errors, ...validateNonSpecialIp(path, address)];
    }
    case 'FQDN':
      return validateFullyQualifiedDomainName(address, path);
    default:
      return [];
  }
}

/** `validation.IsFullyQualifiedDomainName` */
function validateFullyQualifiedDomainName(value: string, path: FieldPath): FieldError[] {
  const name = value.replace(/\.$/, '');
  if (value === '') return [required(path)];
  const problems = isDns1123Subdomain(name);
  if (problems.length > 0) return [invalid(path, name, problems.join(','))];
  const labels = name.split('.');
  if (labels.length < 2)
    return [invalid(path, name, 'should be a domain with at least two segments separated by dots')];
  return labels.flatMap((label) => invalidEach(path, label, isDns1123Label(label)));
}

function validateHints({ forZones = [], forNodes = [] }: Hints, path: FieldPath): FieldError[] {
  return [
    ...validateHintNames(forZones, path.child('forZones'), isValidLabelValue),
    ...validateHintNames(forNodes, path.child('forNodes'), isDns1123Subdomain),
  ];
}

function validateHintNames(
  hints: readonly { name: string }[],
  path: FieldPath,
  check: (name: string) => string[],
): FieldError[] {
  if (hints.length > MAX_HINTS) return [tooMany(path, hints.length, MAX_HINTS)];
  const seen = new Set<string>();
  return hints.flatMap(({ name = '' }, i) => {
    const namePath = path.index(i).child('name');
    const errors = seen.has(name) ? [duplicate(namePath, name)] : [];
    seen.add(name);
    return [...errors, ...invalidEach(namePath, name, check(name))];
  });
}

function validatePorts(ports: readonly EndpointPort[]): FieldError[] {
  const path = fieldPath('ports');
  if (ports.length > MAX_PORTS) return [tooMany(path, ports.length, MAX_PORTS)];
  const names = new Set<string>();
  return ports.flatMap(({ name = '', port, protocol, appProtocol }, i) => {
    const portPath = path.index(i);
    const errors = name === '' ? [] : invalidEach(portPath.child('name'), name, isDns1123Label(name));
    if (names.has(name)) errors.push(duplicate(portPath.child('name'), name));
    names.add(name);
    // No port means every port; any other value must be usable by proxies.
    if (port !== undefined) errors.push(...invalidEach(portPath.child('port'), port, isValidPortNum(port)));
    errors.push(...validateProtocol(protocol, portPath.child('protocol')));
    if (appProtocol !== undefined) {
      errors.push(...invalidEach(portPath.child('appProtocol'), appProtocol, isQualifiedName(appProtocol)));
    }
    return errors;
  });
}
