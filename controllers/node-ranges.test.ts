import { describe, expect, it } from '@jest/globals';
import { NodeRanges } from './node-ranges.ts';

describe('NodeRanges', () => {
  it('gives part after part, and starts again where one is free', () => {
    const ranges = new NodeRanges('10.244.0.0/22');
    const take = (...taken: number[]): number | undefined => ranges.take((part) => taken.includes(part));
    expect(ranges.count).toBe(4);
    expect(take(1)).toBe(0);
    expect(take(0, 1)).toBe(2);
    expect(take()).toBe(3);
    expect(take(0)).toBe(1);
    expect(take(0, 1, 2, 3)).toBeUndefined();
    expect([0, 3].map((part) => ranges.rangeOf(part))).toEqual(['10.244.0.0/24', '10.244.3.0/24']);
  });

  it.each([
    ['a part', '10.244.2.0/24', [2]],
    ['several', '10.244.0.0/23', [0, 1]],
    ['a piece of one', '10.244.1.128/25', [1]],
    ['an address', '10.244.3.7/32', [3]],
    ['written with another address in it', '10.244.1.7/24', [1]],
    ['all there are', '0.0.0.0/0', [0, 1, 2, 3]],
    ['one that begins outside', '10.244.0.0/16', [0, 1, 2, 3]],
    ['before the first', '10.243.255.0/24', []],
    ['after the last', '10.244.4.0/24', []],
    ['elsewhere', '192.168.0.0/16', []],
    ['IPv6', 'fd00::/64', []],
    ['too long a prefix', '10.244.0.0/99', []],
    ['no address', '10.244.0.256/24', []],
    ['nonsense', 'nonsense', []],
    ['nothing', '', []],
  ])('knows which parts a range shares addresses with: %s', (_, cidr, parts) => {
    expect(new NodeRanges('10.244.0.0/22').partsOf(cidr)).toEqual(parts);
  });

  it('has none in a range that is smaller, or of IPv6', () => {
    expect(new NodeRanges('10.244.0.0/25').take(() => false)).toBeUndefined();
    expect(new NodeRanges('fd00::/48').take(() => false)).toBeUndefined();
    expect(new NodeRanges('10.244.0.0/25').partsOf('10.244.0.0/25')).toEqual([]);
  });

  it('counts to the end of all addresses', () => {
    const ranges = new NodeRanges('255.255.254.0/23');
    expect(ranges.rangeOf(ranges.take((part) => part === 0)!)).toBe('255.255.255.0/24');
    expect(ranges.partsOf('255.255.255.255/32')).toEqual([1]);
  });
});
