import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { serviceCidrs } from './service-cidr.ts';
import type { ServiceCidr } from './service-cidr.ts';

const of = (...cidrs: string[]): ServiceCidr => ({ metadata: { name: 'c' }, spec: { cidrs } });
const errorsOf = (...cidrs: string[]): string[] => serviceCidrs.strategy.validate!(of(...cidrs)).map(formatFieldError);
const changes = (next: string[], previous: string[]): string[] =>
  serviceCidrs.strategy.validateUpdate!(of(...next), of(...previous)).map(formatFieldError);

describe('service CIDRs', () => {
  it('have one range, or one of each family', () => {
    expect(errorsOf('10.0.0.0/16')).toEqual([]);
    expect(errorsOf('10.0.0.0/16', '2001:db8::/64')).toEqual([]);
    expect(errorsOf()).toEqual(['spec.cidrs: Required value: at least one CIDR required']);
    expect(errorsOf('10.0.0.0/16', '10.1.0.0/16')).toEqual([
      'spec.cidrs: Invalid value: ["10.0.0.0/16","10.1.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ]);
    expect(errorsOf('10.0.0.0/16', '2001:db8::/64', '10.1.0.0/16')[0]).toContain('may only hold up to 2 values');
    expect(errorsOf('10.0.0.1/16')).toEqual([
      'spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix length',
    ]);
  });

  it('take a second family, and change in no other way', () => {
    expect(changes(['10.0.0.0/16', '2001:db8::/64'], ['10.0.0.0/16'])).toEqual([]);
    expect(changes(['10.1.0.0/16'], ['10.0.0.0/16'])).toEqual([
      'spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable',
    ]);
    expect(changes(['10.0.0.0/16'], ['10.0.0.0/16', '2001:db8::/64'])).toEqual([
      'spec.cidrs: Invalid value: ["10.0.0.0/16"]: field is immutable',
    ]);
    expect(changes(['10.0.0.0/16', '10.1.0.0/16'], ['10.0.0.0/16'])[0]).toContain('no more than one IP');
  });

  it('show their ranges', () => {
    expect(serviceCidrs.additionalPrinterColumns[0]!.cell(of('10.0.0.0/16', '2001:db8::/64'), 0)).toBe(
      '10.0.0.0/16,2001:db8::/64',
    );
  });
});
