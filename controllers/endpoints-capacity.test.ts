import { describe, expect, it } from '@jest/globals';
import { truncateSubsets } from './endpoints-capacity.ts';
import type { Subset } from './endpoints-subsets.ts';

const addresses = (count: number): { ip: string }[] => Array.from({ length: count }, (_, i) => ({ ip: `${i}` }));
const subset = (ready: number, others: number): Subset => ({
  ...(ready > 0 ? { addresses: addresses(ready) } : {}),
  ...(others > 0 ? { notReadyAddresses: addresses(others) } : {}),
});
const counts = (subsets: Subset[]): (number | undefined)[][] =>
  subsets.map((one) => [one.addresses?.length, one.notReadyAddresses?.length]);

describe('truncateSubsets()', () => {
  it('leaves a thousand addresses as they are', () => {
    const subsets = [subset(600, 0), subset(300, 100)];
    expect(truncateSubsets(subsets)).toBe(subsets);
  });

  it('gives what the ready ones leave to the others, in proportion', () => {
    expect(counts(truncateSubsets([subset(600, 100), subset(200, 300)]))).toEqual([
      [600, 50],
      [200, 150],
    ]);
    expect(counts(truncateSubsets([subset(1000, 1)]))).toEqual([[1000, undefined]]);
  });

  it('keeps none but ready ones when even they are too many, and rounds up for the first', () => {
    const truncated = truncateSubsets([subset(500, 10), subset(500, 0), subset(501, 0)]);
    expect(counts(truncated)).toEqual([
      [334, undefined],
      [334, undefined],
      [332, undefined],
    ]);
    expect(truncated[0]!.addresses![333]).toEqual({ ip: '333' });
  });
});
