import { describe, expect, it } from '@jest/globals';
import { createEnvironment } from './environment.ts';
import { DYN, INT, listOf, mapOf, STRING } from './types.ts';

function cost(text: string): number {
  const variables = {
    n: INT,
    s: STRING,
    list: listOf(INT),
    words: listOf(STRING),
    labels: mapOf(STRING, STRING),
    any: DYN,
  };
  const { program, issues } = createEnvironment({ variables }).compile(text);
  if (program === undefined) {
    throw new Error(issues.text);
  }
  const activation = {
    n: 3,
    s: 'x'.repeat(100),
    list: [1, 2, 3, 4, 5],
    words: ['a'.repeat(20), 'b'.repeat(20)],
    labels: { a: 'b' },
    any: { deep: { er: 1 } },
  };
  return program.evaluate(activation).cost;
}

/** By the rules of cel-go's interpreter/runtimecost.go and k8s.io/apiserver/pkg/cel/library/cost.go. */
describe('cost of an evaluation', () => {
  it.each([
    ['1 == 1', 1],
    ['n == 3', 2],
    ['any.deep.er == 1', 4],
    ['has(any.deep)', 1],
    ['true || n == 3', 0],
    ['n == 4 ? 1 : 2', 2],
    ['s == s', 12],
    ["s.contains('abc')", 11],
    ["s.matches('abc')", 12],
    ["s.startsWith('x')", 11],
    ['s + s == s', 33],
    ['3 in list', 6],
    ['n in [1, 2, 3]', 1],
    ['list.all(x, x > 0)', 27],
    ['list.exists(x, x == 1)', 11],
    ['[n, n].size() == 2', 14],
    ["{'a': n}.size() == 1", 33],
    ["duration('1h') == duration('60m')", 1],
    ['list.sum() == 15', 7],
    ['words.isSorted()', 5],
    ["s.replace('x', 'y') == s", 32],
    ["words.join(',') == ''", 10],
    ['s.lowerAscii() == s', 22],
    ['words.sort() == words', 22],
    ['list.distinct() == list', 64],
    ['sets.contains(list, [1, 2])', 12],
    ["quantity('1Ki').isGreaterThan(quantity('1k'))", 3],
    ["semver('1.2.3').major() == 1", 3],
  ])('%s costs %d', (text, expected) => {
    expect(cost(text)).toBe(expected);
  });
});
