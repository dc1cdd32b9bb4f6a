import { describe, expect, it } from '@jest/globals';
import { fieldPath } from './field-error.ts';
import { isStrictCidr, isStrictIp, warningsForCidr } from './validation-ip-strict.ts';

const path = fieldPath('f');
const messages = (errors: { message: string }[]): string[] =>
  errors.map(({ message }) => message.replace(/^Invalid value: "[^"]*": /, ''));

describe('isStrictIp()', () => {
  it.each([
    ['10.0.0.1', []],
    ['2001:db8::1', []],
    ['x', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ['10.0.0.01', ['must not have leading 0s']],
    ['::ffff:10.0.0.1', ['must not be an IPv4-mapped IPv6 address']],
    ['2001:DB8::1', ['must be in canonical form ("2001:db8::1")']],
    ['2001:db8:0:0::1', ['must be in canonical form ("2001:db8::1")']],
  ])('%s', (value, expected) => {
    expect(messages(isStrictIp(path, value))).toEqual(expected);
  });
});

describe('isStrictCidr()', () => {
  it.each([
    ['10.0.0.0/24', []],
    ['2001:db8::/64', []],
    ['10.0.0.0', ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
    ['10.0.0.1/24', ['must not have bits set beyond the prefix length']],
    ['10.0.0.0/024', ['must not have leading 0s in IP or prefix length']],
    ['010.0.0.0/24', ['must not have leading 0s in IP or prefix length']],
    ['::ffff:10.0.0.0/120', ['must not have an IPv4-mapped IPv6 address']],
    ['2001:DB8::/64', ['must be in canonical form ("2001:db8::/64")']],
  ])('%s', (value, expected) => {
    expect(messages(isStrictCidr(path, value))).toEqual(expected);
  });
});

describe('warningsForCidr()', () => {
  it.each([
    ['10.0.0.0/24', []],
    ['not one', []],
    [
      '10.0.0.1/24',
      ['f: CIDR value "10.0.0.1/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.1/32"?)'],
    ],
    [
      '10.0.0.00/24',
      [
        'f: non-standard CIDR value "10.0.0.00/24" will be considered invalid in a future Kubernetes release: use "10.0.0.0/24"',
      ],
    ],
    ['2001:DB8::/64', ['f: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")']],
  ])('%s', (value, expected) => {
    expect(warningsForCidr(path, value)).toEqual(expected);
  });
});
