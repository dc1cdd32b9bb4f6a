/** Words and operators of the grammar, and what ANTLR says of where an expression may begin. */
import type { Token } from './lexer.ts';

export const RESERVED = new Set([
  'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package',
  'namespace', 'return', 'var', 'void', 'while',
]); // prettier-ignore

export const KEYWORDS = new Set(['true', 'false', 'null', 'in']);

const LITERALS = "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
/** What may stand where an expression begins; in a list or map, also what ends or parts its entries. */
export const EXPECTED = `{'[', '{', '(', '.', '-', '!', ${LITERALS}`;
export const EXPECTED_IN_LIST = `{'[', ']', '{', '(', '.', ',', '-', '!', '?', ${LITERALS}`;
export const EXPECTED_IN_MAP = `{'[', '{', '}', '(', '.', ',', '-', '!', '?', ${LITERALS}`;
const STARTS = new Set(['[', '{', '(', '.', '-', '!']);

/** Binary operators that associate to the left, loosest first. */
export const LEVELS: readonly (readonly string[])[] = [
  ['<', '<=', '>=', '>', '==', '!=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Whether an expression may begin with it. */
export function startsExpression(token: Token): boolean {
  if (token.kind === 'operator') {
    return STARTS.has(token.text);
  }
  return token.kind !== 'end' && token.kind !== 'quoted' && token.text !== 'in';
}
