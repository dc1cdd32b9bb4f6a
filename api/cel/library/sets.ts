/** Lists taken as sets (cel-go, ext/sets.go). */
import { globalOverload, type Library } from '../declarations.ts';
import { membershipOf } from '../equality.ts';
import { BOOL, listOf, parameter } from '../types.ts';
import type { ListValue } from '../values.ts';

const LIST = listOf(parameter('T'));

function containsAll(list: ListValue, items: ListValue): boolean {
  const contained = membershipOf(list);
  return items.toArray().every(contained);
}

function intersects(a: ListValue, b: ListValue): boolean {
  const contained = membershipOf(b);
  return a.toArray().some(contained);
}

export const SET_LIBRARY: Library = {
  name: 'sets',
  functions: [
    { name: 'sets.contains', overloads: [globalOverload('list_sets_contains_list', [LIST, LIST], BOOL, containsAll)] },
    {
      name: 'sets.equivalent',
      overloads: [
        globalOverload(
          'list_sets_equivalent_list',
          [LIST, LIST],
          BOOL,
          (a: ListValue, b: ListValue) => containsAll(a, b) && containsAll(b, a),
        ),
      ],
    },
    {
      name: 'sets.intersects',
      overloads: [globalOverload('list_sets_intersects_list', [LIST, LIST], BOOL, intersects)],
    },
  ],
};
