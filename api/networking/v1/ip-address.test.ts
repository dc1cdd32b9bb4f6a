import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { ipAddresses } from './ip-address.ts';
import type { IpAddressObject } from './ip-address.ts';

type Parent = NonNullable<IpAddressObject['spec']>['parentRef'];
const address = (parentRef: Parent): IpAddressObject => ({ metadata: { name: '10.0.0.1' }, spec: { parentRef } });
const service = { group: '', resource: 'services', namespace: 'd', name: 's' };

describe('IP addresses', () => {
  it('are named by themselves, in canonical form', () => {
    const { validateName } = ipAddresses.strategy;
    expect(validateName!('10.0.0.1', false)).toEqual([]);
    expect(validateName!('2001:db8::1', false)).toEqual([]);
    expect(validateName!('web', false)).toEqual(['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']);
    expect(validateName!('2001:DB8::1', false)).toEqual(['must be in canonical form ("2001:db8::1")']);
  });

  it('need somebody who has taken them', () => {
    const errorsOf = (object: IpAddressObject): string[] =>
      ipAddresses.strategy.validate!(object).map(formatFieldError);
    expect(errorsOf(address(service))).toEqual([]);
    expect(errorsOf({ metadata: {} } as IpAddressObject)).toEqual(['spec.parentRef: Required value']);
    expect(errorsOf(address({ group: 'G', resource: '', name: '', namespace: 'a/b' }))).toEqual([
      expect.stringContaining('spec.parentRef.group: Invalid value: "G"'),
      'spec.parentRef.resource: Required value',
      'spec.parentRef.name: Required value',
      `spec.parentRef.namespace: Invalid value: "a/b": may not contain '/'`,
    ]);
  });

  it('keep it', () => {
    const { validateUpdate } = ipAddresses.strategy;
    expect(validateUpdate!(address(service), address(service))).toEqual([]);
    const errors = validateUpdate!(address({ ...service, name: 'other' }), address(service)).map(formatFieldError);
    expect(errors).toEqual([expect.stringMatching(/^spec\.parentRef: Invalid value: .*: field is immutable$/)]);
  });

  it('show it', () => {
    const [parent] = ipAddresses.additionalPrinterColumns;
    expect(parent!.cell(address(service), 0)).toBe('services/d/s');
    expect(parent!.cell(address({ group: 'g.io', resource: 'Gateways', name: 'x' }), 0)).toBe('gateways.g.io/x');
    expect(parent!.cell({ metadata: {} } as IpAddressObject, 0)).toBe('<none>');
  });
});
