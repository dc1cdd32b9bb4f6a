import { describe, expect, it } from '@jest/globals';
import { createEnvironment } from './environment.ts';

function issues(text: string): string {
  return createEnvironment().compile(text).issues?.text ?? '';
}

const EXPECTED =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/** Texts of cel-go's parser/parser_test.go. */
describe('problems of syntax', () => {
  it.each([
    ['', `ERROR: <input>:1:1: Syntax error: mismatched input '<EOF>' expecting ${EXPECTED}\n | \n | ^`],
    ['1 2', "ERROR: <input>:1:3: Syntax error: extraneous input '2' expecting <EOF>\n | 1 2\n | ..^"],
    [
      'TestAllTypes(){}',
      "ERROR: <input>:1:15: Syntax error: mismatched input '{' expecting <EOF>\n | TestAllTypes(){}\n | ..............^",
    ],
    [
      '1 + $',
      "ERROR: <input>:1:5: Syntax error: token recognition error at: '$'\n | 1 + $\n | ....^\n" +
        `ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting ${EXPECTED}\n | 1 + $\n | .....^`,
    ],
    ['1.all(2, 3)', 'ERROR: <input>:1:7: argument must be a simple name\n | 1.all(2, 3)\n | ......^'],
    [
      '[1].map(var, var * var)',
      [9, 9, 14, 20]
        .map((column, index) => {
          const message = index === 1 ? 'argument is not an identifier' : 'reserved identifier: var';
          return `ERROR: <input>:1:${column}: ${message}\n | [1].map(var, var * var)\n | ${'.'.repeat(column - 1)}^`;
        })
        .join('\n'),
    ],
    ['has(m)', 'ERROR: <input>:1:5: invalid argument to has() macro\n | has(m)\n | ....^'],
    ['99999999999999999999', 'ERROR: <input>:1:1: invalid int literal\n | 99999999999999999999\n | ^'],
    ["{'a': 1}.`a`", "ERROR: <input>:1:10: unsupported syntax: '`'\n | {'a': 1}.`a`\n | .........^"],
    [
      "'日' + 1",
      "ERROR: <input>:1:5: found no matching overload for '_+_' applied to '(string, int)'\n | '日' + 1\n | .．..^",
    ],
  ])('of %p', (text, expected) => {
    expect(issues(text)).toBe(expected);
  });
});

describe('chains', () => {
  it('of logical operators may be long, of others not', () => {
    expect(issues(Array.from({ length: 2_000 }, () => 'true').join(' && '))).toBe('');
    expect(issues(Array.from({ length: 240 }, () => '1').join(' + '))).toBe('');
    expect(issues(Array.from({ length: 260 }, () => '1').join(' + '))).toContain('max recursion depth exceeded');
  });

  it('of signs cancel in pairs', () => {
    const { program } = createEnvironment().compile('--1 == 1 && !!true && ---1 == -1 && -(-1) == 1');
    expect(program?.evaluate({}).value).toBe(true);
  });
});
