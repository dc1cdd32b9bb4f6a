import { describe, expect, it } from '@jest/globals';
import { LruMap } from './lru-map.ts';

describe('LruMap', () => {
  it('drops what was used least recently', () => {
    const map = new LruMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    expect(map.get('a')).toBe(1);
    map.set('c', 3);
    expect([map.size, map.get('a'), map.get('b'), map.get('c')]).toEqual([2, 1, undefined, 3]);
    map.delete('a');
    expect([...map]).toEqual([['c', 3]]);
  });
});
