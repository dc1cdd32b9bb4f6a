/** Splits the text of an expression into tokens. */
import { MAX_EXPRESSION_CODE_POINTS } from './limits.ts';
import { type Problem, SyntaxProblem } from './source.ts';

export type TokenKind = 'ident' | 'quoted' | 'int' | 'uint' | 'double' | 'string' | 'operator' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly at: number;
}

const SPACE = /(?:[\t\r\n\f ]+|\/\/[^\n]*)+/y;
const IDENT = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const QUOTED = /`[a-zA-Z0-9_.\-/ ]+`/y;
const DOUBLE = /(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y;
const UINT = /(?:0x[0-9a-fA-F]+|[0-9]+)[uU]/y;
const INT = /0x[0-9a-fA-F]+|[0-9]+/y;
const STRING_START = /[bB]?[rR]?(?:"""|'''|"|')/y;
const OPERATOR = /&&|\|\||<=|>=|==|!=|[-+*/%<>=!?:.,()[\]{}]/y;

/** All tokens, the last one of kind `end`; what is no token goes to `problems`. Throws SyntaxProblem for long texts. */
export function tokenize(text: string, problems: Problem[]): Token[] {
  if (text.length > MAX_EXPRESSION_CODE_POINTS) {
    const size = [...text].length;
    if (size > MAX_EXPRESSION_CODE_POINTS) {
      const message = `expression code point size exceeds limit: size: ${size}, limit ${MAX_EXPRESSION_CODE_POINTS}`;
      throw new SyntaxProblem(0, message);
    }
  }
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += matchAt(SPACE, text, at)?.length ?? 0;
    if (at >= text.length) {
      tokens.push({ kind: 'end', text: '<EOF>', at });
      return tokens;
    }
    const token = next(text, at);
    if (token.kind === 'unknown') {
      problems.push({ at, message: `Syntax error: token recognition error at: '${token.text}'` });
    } else {
      tokens.push(token);
    }
    at += token.text.length;
  }
}

type Read = Token | { readonly kind: 'unknown'; readonly text: string; readonly at: number };

function next(text: string, at: number): Read {
  const opening = matchAt(STRING_START, text, at);
  if (opening !== undefined) {
    return { ...readString(text, at, opening), at };
  }
  for (const [kind, pattern] of PATTERNS) {
    const found = matchAt(pattern, text, at);
    if (found !== undefined) {
      return { kind, text: found, at };
    }
  }
  // A lone half of an operator takes its neighbour along, as ANTLR reads it.
  const length = text[at] === '|' || text[at] === '&' ? 2 : String.fromCodePoint(text.codePointAt(at) ?? 0).length;
  return { kind: 'unknown', text: text.slice(at, at + length), at };
}

const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ['ident', IDENT],
  ['quoted', QUOTED],
  ['double', DOUBLE],
  ['uint', UINT],
  ['int', INT],
  ['operator', OPERATOR],
];

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function readString(text: string, at: number, opening: string): { kind: 'string' | 'unknown'; text: string } {
  const quotes = opening.replace(/^[bBrR]+/, '');
  const raw = /[rR]/.test(opening.slice(0, opening.length - quotes.length));
  let index = at + opening.length;
  while (index < text.length) {
    if (text.startsWith(quotes, index)) {
      return { kind: 'string', text: text.slice(at, index + quotes.length) };
    }
    if (quotes.length === 1 && (text[index] === '\n' || text[index] === '\r')) {
      break;
    }
    index += text[index] === '\\' && !raw ? 2 : 1;
  }
  return { kind: 'unknown', text: text.slice(at, index) };
}
