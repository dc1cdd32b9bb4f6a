import { isIP } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fieldPath, formatFieldError } from './field-error.ts';
import {
  cidrContains,
  formatIp,
  ipFamilyOf,
  isValidIp,
  parseCidr,
  parseIp,
  validateNonSpecialIp,
  warningsForIp,
} from './validation-ip.ts';

const path = fieldPath('spec', 'ip');

describe('parseIp() and formatIp()', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['010.000.000.001', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['fe80::', 'fe80::'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('%s is %s', (input, canonical) => {
    expect(formatIp(parseIp(input)!)).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    'g::',
    '::ffff:1.2.3',
    'a.b.c.d',
  ])('%p is no address', (input) => {
    expect(parseIp(input)).toBeUndefined();
  });

  it('never throws, and takes every address that Node takes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (input) => {
        const parsed = parseIp(input);
        if (isIP(input) !== 0 && !input.includes('%')) expect(parsed).toBeDefined();
        if (parsed !== undefined) expect(parseIp(formatIp(parsed))).toEqual(parsed);
      }),
    );
  });
});

describe('CIDRs', () => {
  it('parseCidr() bounds the prefix', () => {
    expect(parseCidr('10.0.0.0/33')).toBeUndefined();
    expect(parseCidr('::/129')).toBeUndefined();
    expect(parseCidr('10.0.0.0')).toBeUndefined();
    expect(parseCidr('::ffff:10.0.0.0/104')).toEqual({ address: { family: 4, bytes: [10, 0, 0, 0] }, prefixLength: 8 });
  });

  it('cidrContains() compares whole and partial bytes', () => {
    const cidr = parseCidr('10.96.0.0/12')!;
    expect(cidrContains(cidr, parseIp('10.111.255.255')!)).toBe(true);
    expect(cidrContains(cidr, parseIp('10.112.0.0')!)).toBe(false);
    expect(cidrContains(parseCidr('::/0')!, parseIp('10.0.0.1')!)).toBe(false);
  });
});

describe('checks', () => {
  it('isValidIp() and validateNonSpecialIp() use upstream words', () => {
    expect(isValidIp(path, 'x').map(formatFieldError)).toEqual([
      'spec.ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ]);
    const details = ['0.0.0.0', '127.0.0.1', '169.254.1.1', '224.0.0.5', 'ff02::1', '10.0.0.1'].map((ip) =>
      validateNonSpecialIp(path, ip).map(({ message }) => message),
    );
    expect(details).toEqual([
      ['Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'],
      ['Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
      ['Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
      ['Invalid value: "224.0.0.5": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
      ['Invalid value: "ff02::1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
      [],
    ]);
  });

  it('warningsForIp() gives the canonical form', () => {
    expect(warningsForIp(path, '10.0.0.01')[0]).toMatch(/non-standard IP address "10\.0\.0\.01".*use "10\.0\.0\.1"$/);
    expect(warningsForIp(path, '2001:DB8::1')[0]).toMatch(/should be in RFC 5952 canonical format \("2001:db8::1"\)$/);
    expect(warningsForIp(path, '10.0.0.1')).toEqual([]);
    expect(ipFamilyOf('nope')).toBe('');
  });
});
