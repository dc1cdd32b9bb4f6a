/** Decodes the literals of the language: escapes of strings and bytes, numbers with their ranges. */
import { SyntaxProblem } from './source.ts';
import { Uint, type Value } from './values.ts';

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92, "'": 39, '"': 34, '`': 96, '?': 63,
}; // prettier-ignore

const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);
const MAX_UINT = 2n ** 64n - 1n;

/** A string literal as written, with its prefixes and quotes; `at` is where it starts. */
export function decodeString(token: string, at: number): Value {
  const prefix = /^[rRbB]*/.exec(token)?.[0].toLowerCase() ?? '';
  const quoted = token.slice(prefix.length);
  const quotes = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  const body = quoted.slice(quotes, quoted.length - quotes).replace(/\r\n?/g, '\n');
  const escapes = !prefix.includes('r') && body.includes('\\');
  if (prefix.includes('b')) {
    return escapes ? bytesOf(unescape(body, { at, bytes: true })) : new TextEncoder().encode(body);
  }
  return escapes ? textOf(unescape(body, { at, bytes: false })) : body;
}

type Piece = string | number;

function unescape(body: string, place: { at: number; bytes: boolean }): Piece[] {
  const pieces: Piece[] = [];
  let index = 0;
  while (index < body.length) {
    const slash = body.indexOf('\\', index);
    if (slash < 0) {
      pieces.push(body.slice(index));
      break;
    }
    if (slash > index) {
      pieces.push(body.slice(index, slash));
    }
    const escape = readEscape(body, slash + 1, place);
    pieces.push(escape.code);
    index = escape.end;
  }
  return pieces;
}

function readEscape(body: string, index: number, place: { at: number; bytes: boolean }): { code: number; end: number } {
  const letter = body[index] ?? '';
  const simple = SIMPLE[letter];
  if (simple !== undefined) {
    return { code: simple, end: index + 1 };
  }
  const match = digitsOf(letter, body.slice(index), place.bytes);
  const limit = place.bytes ? 0xff : 0x10ffff;
  if (match === undefined || match.code > limit || (match.code >= 0xd800 && match.code <= 0xdfff)) {
    throw new SyntaxProblem(place.at, `invalid escape sequence \\${letter}`);
  }
  return { code: match.code, end: index + match.length };
}

const WIDTHS: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };

function digitsOf(letter: string, rest: string, bytes: boolean): { code: number; length: number } | undefined {
  const width = WIDTHS[letter];
  if (width !== undefined) {
    const digits = rest.slice(1, 1 + width);
    const allowed = !(bytes && width > 2) && digits.length === width && /^[0-9a-fA-F]+$/.test(digits);
    return allowed ? { code: Number.parseInt(digits, 16), length: 1 + width } : undefined;
  }
  const octal = /^[0-3][0-7]{2}/.exec(rest)?.[0];
  return octal === undefined ? undefined : { code: Number.parseInt(octal, 8), length: 3 };
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'number' ? String.fromCodePoint(piece) : piece)).join('');
}

function bytesOf(pieces: readonly Piece[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts = pieces.map((piece) => (typeof piece === 'number' ? Uint8Array.of(piece) : encoder.encode(piece)));
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** An `int` as written, after an optional minus. */
export function decodeInt(token: string, negative: boolean, at: number): bigint {
  const value = negative ? -BigInt(token) : BigInt(token);
  if (value > MAX_INT || value < MIN_INT) {
    throw new SyntaxProblem(at, 'invalid int literal');
  }
  return value;
}

/** A `uint` as written, with its suffix. */
export function decodeUint(token: string, at: number): Uint {
  const value = BigInt(token.slice(0, -1));
  if (value > MAX_UINT) {
    throw new SyntaxProblem(at, 'invalid uint literal');
  }
  return new Uint(value);
}

/** A `double` as written, after an optional minus. */
export function decodeDouble(token: string, negative: boolean, at: number): number {
  const value = Number(token);
  if (!Number.isFinite(value)) {
    throw new SyntaxProblem(at, 'invalid double literal');
  }
  return negative ? -value : value;
}
