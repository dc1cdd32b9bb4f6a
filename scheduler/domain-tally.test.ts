import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DomainTally, MovedTally } from './domain-tally.ts';

const domain = fc.constantFrom('a', 'b', 'c', 'd');
const pods = fc.integer({ min: 0, max: 6 });

/** Nodes as they were added. */
const nodes = fc.array(fc.record({ domain, pods }), { maxLength: 8 });

function summed(list: readonly { domain: string; pods: number }[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const one of list) sums.set(one.domain, (sums.get(one.domain) ?? 0) + one.pods);
  return sums;
}

describe('DomainTally', () => {
  it('knows the emptiest domain while nodes come and go', () => {
    fc.assert(
      fc.property(nodes, fc.array(fc.nat(), { maxLength: 8 }), (list, leaving) => {
        const tally = new DomainTally();
        const present = [...list];
        for (const one of list) tally.change(one.domain, { nodes: 1, pods: one.pods });
        for (const choice of leaving) {
          const [gone] = present.splice(choice % Math.max(present.length, 1), 1);
          if (gone === undefined) break;
          tally.change(gone.domain, { nodes: -1, pods: -gone.pods });
          const expected = summed(present);
          expect(new Map([...tally.pods].sort())).toEqual(new Map([...expected].sort()));
          expect(tally.least).toBe(expected.size === 0 ? 0 : Math.min(...expected.values()));
        }
      }),
    );
  });
});

describe('MovedTally', () => {
  it('moves pods in thought, and its copies move on their own', () => {
    const moves = fc.array(fc.record({ domain, by: fc.constantFrom(1 as const, -1 as const) }), { maxLength: 8 });
    fc.assert(
      fc.property(nodes, moves, moves, (list, first, second) => {
        const tally = new DomainTally();
        for (const one of list) tally.change(one.domain, { nodes: 1, pods: one.pods });
        const expected = summed(list);
        const moved = new MovedTally(tally);
        for (const { domain: where, by } of first) {
          moved.move(where, by);
          expected.set(where, (expected.get(where) ?? 0) + by);
        }
        const copy = moved.clone();
        for (const { domain: where, by } of second) copy.move(where, by);
        expect(moved.domainCount).toBe(expected.size);
        expect(moved.least).toBe(Math.min(...expected.values()));
        for (const [where, count] of expected) expect(moved.podsIn(where)).toBe(count);
        for (const { domain: where, by } of second) expected.set(where, (expected.get(where) ?? 0) + by);
        expect(copy.least).toBe(Math.min(...expected.values()));
      }),
    );
  });
});
