import { describe, expect, it } from '@jest/globals';
import { ageColumn, labelsCell, selectorCell, shortList, workloadColumns } from './table-cells.ts';

describe('table cells', () => {
  it('labelsCell() orders by key', () => {
    expect(labelsCell({ b: '2', a: '1' })).toBe('a=1,b=2');
    expect(labelsCell(undefined)).toBe('<none>');
  });

  it('selectorCell() writes the query form', () => {
    const matchExpressions = [
      { key: 'z', operator: 'Exists' },
      { key: 'c', operator: 'NotIn', values: ['y', 'x'] },
      { key: 'b', operator: 'DoesNotExist' },
    ];
    expect(selectorCell({ matchLabels: { d: '1' }, matchExpressions })).toBe('!b,c notin (x,y),d=1,z');
    expect(selectorCell({})).toBe('<none>');
    expect(selectorCell({ matchExpressions: [{ key: 'a', operator: 'constructor' }] })).toBe('<error>');
  });

  it('shortList() counts what it leaves out', () => {
    expect(shortList([1, 2, 3])).toBe('1,2,3');
    expect(shortList([1, 2, 3, 4, 5])).toBe('1,2,3 + 2 more...');
  });

  it('columns bear incomplete objects', () => {
    const columns = [ageColumn(), ...workloadColumns()];
    expect(columns.map(({ cell }) => cell({ metadata: {} }, 0))).toEqual(['<unknown>', '', '', '<none>']);
  });
});
