import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Heap } from './heap.ts';

interface Item {
  key: string;
  rank: number;
}

describe('Heap', () => {
  it('gives out what a sorted list would, whatever is set, changed and deleted', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
    const operation = fc.oneof(
      fc.record({ type: fc.constant('set' as const), key, rank: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ type: fc.constant('delete' as const), key }),
      fc.record({ type: fc.constant('pop' as const) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const heap = new Heap<Item>({ keyOf: (item) => item.key, less: (a, b) => a.rank < b.rank });
        const model = new Map<string, Item>();
        for (const one of operations) {
          if (one.type === 'set') {
            heap.set({ key: one.key, rank: one.rank });
            model.set(one.key, { key: one.key, rank: one.rank });
          } else if (one.type === 'delete') {
            expect(heap.delete(one.key)).toBe(model.delete(one.key));
          } else {
            const popped = heap.pop();
            const lowest = Math.min(...[...model.values()].map(({ rank }) => rank));
            expect(popped?.rank).toBe(model.size === 0 ? undefined : lowest);
            if (popped !== undefined) model.delete(popped.key);
          }
          expect(heap.size).toBe(model.size);
          for (const item of model.values()) expect(heap.get(item.key)).toEqual(item);
        }
      }),
    );
  });
});
