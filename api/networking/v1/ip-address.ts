/**
 * IPAddress: one address that a Service (or something else) has taken (upstream: `pkg/apis/networking/validation`,
 * `ValidateIPAddress`; `pkg/registry/networking/ipaddress`).
 */
import type { V1IPAddress } from '@kubernetes/client-node';
import { fieldPath, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { isStrictIp } from '../../machinery/validation-ip-strict.ts';
import {
  invalidEach,
  isDns1123Subdomain,
  validateImmutable,
  validatePathSegmentName,
} from '../../machinery/validation.ts';
import { NONE, ageColumn } from '../../table-cells.ts';
import { validatePathSegment } from './ingress-class.ts';

export type IpAddressObject = WireObject<V1IPAddress>;

const PARENT = fieldPath('spec', 'parentRef');

export const ipAddresses = defineResource<IpAddressObject>({
  group: 'networking.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'ipaddresses', singular: 'ipaddress', kind: 'IPAddress', shortNames: ['ip'] },
  schema: 'V1IPAddress',
  additionalPrinterColumns: [
    { name: 'ParentRef', type: 'string', description: 'Object that has taken the address', cell: parentCell },
    ageColumn(),
  ],
  strategy: {
    // The name is the address.
    validateName: (name) =>
      isStrictIp(fieldPath(), name).map(({ message }) => message.replace(/^Invalid value: "[^"]*": /, '')),
    validate: validateIpAddress,
    validateUpdate: (next, previous) => validateImmutable(next.spec?.parentRef, previous.spec?.parentRef, PARENT),
    // Upstream keeps none.
    hasGeneration: false,
  },
});

function parentCell({ spec }: IpAddressObject): string {
  const parent = spec?.parentRef;
  if (!parent) return NONE;
  const { group = '', resource = '', namespace = '', name = '' } = parent;
  const groupResource = (group === '' ? resource : `${resource}.${group}`).toLowerCase();
  return [groupResource, ...(namespace === '' ? [] : [namespace]), name].join('/');
}

function validateIpAddress({ spec }: IpAddressObject): FieldError[] {
  const parent = spec?.parentRef;
  if (!parent) return [required(PARENT)];
  const { group = '', resource = '', name = '', namespace = '' } = parent;
  const namespacePath = PARENT.child('namespace');
  return [
    ...(group === '' ? [] : invalidEach(PARENT.child('group'), group, isDns1123Subdomain(group))),
    ...validatePathSegment(resource, PARENT.child('resource')),
    ...validatePathSegment(name, PARENT.child('name')),
    ...(namespace === '' ? [] : invalidEach(namespacePath, namespace, validatePathSegmentName(namespace, false))),
  ];
}
