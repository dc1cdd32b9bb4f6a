/** The extended strings library of cel-go, version 2 (ext/strings.go). Indices count code points. */
import { CelError } from '../cel.ts';
import { globalOverload, type Library, memberOverload } from '../declarations.ts';
import { INT, listOf, STRING, DYN } from '../types.ts';
import { ListValue } from '../values.ts';
import { formatText } from './format.ts';
import { formatTextLocalized } from './format-localized.ts';

/** What a call makes of a short text must not fill the memory. */
const LONGEST_TEXT = 16 * 1024 * 1024;

/** Array of code points, only where that differs from the string itself. */
function pointsOf(text: string): readonly string[] | string {
  return /[\uD800-\uDFFF]/.test(text) ? [...text] : text;
}

function slice(text: string, start: number, end?: number): string {
  const points = pointsOf(text);
  return typeof points === 'string' ? points.slice(start, end) : points.slice(start, end).join('');
}

function outOfRange(index: bigint): CelError {
  return new CelError(`index out of range: ${index}`);
}

function charAt(text: string, index: bigint): string {
  const points = pointsOf(text);
  if (index < 0n || index > BigInt(points.length)) {
    throw outOfRange(index);
  }
  return points[Number(index)] ?? '';
}

/** The first or last place at or beyond which `part` stands, or -1. */
function find(text: string, part: string, search: { from?: bigint; last: boolean }): bigint {
  const points = pointsOf(text);
  const { from, last } = search;
  if (part === '') {
    return from ?? (last ? BigInt(points.length) : 0n);
  }
  if (from !== undefined && (from < 0n || from >= BigInt(points.length))) {
    throw outOfRange(from);
  }
  if (typeof points === 'string') {
    const start = from === undefined ? undefined : Number(from);
    return BigInt(last ? points.lastIndexOf(part, start) : points.indexOf(part, start ?? 0));
  }
  // In units of the string, and back.
  const start = from === undefined ? undefined : points.slice(0, Number(from)).join('').length;
  const unit = last ? text.lastIndexOf(part, start) : text.indexOf(part, start ?? 0);
  return unit < 0 ? -1n : BigInt([...text.slice(0, unit)].length);
}

function replace(text: string, from: string, to: string, limit = -1n): string {
  const pieces = split(text, from);
  const seams = from === '' ? pieces.length + 1 : pieces.length - 1;
  const count = limit < 0n || limit > BigInt(seams) ? seams : Number(limit);
  if (text.length + count * to.length > LONGEST_TEXT) {
    throw new CelError(`string exceeds maximum length (${LONGEST_TEXT})`);
  }
  if (from === '') {
    const head = pieces.slice(0, count).map((piece) => to + piece);
    const tail = pieces.slice(count).join('');
    return head.join('') + (count > pieces.length ? to : '') + tail;
  }
  const head = pieces.slice(0, count + 1).join(to);
  return [head, ...pieces.slice(count + 1)].join(from);
}

function split(text: string, separator: string): string[] {
  return separator === '' ? [...text] : text.split(separator);
}

function splitLimited(text: string, separator: string, limit: bigint): ListValue {
  const pieces = split(text, separator);
  if (limit < 0n || limit >= BigInt(pieces.length)) {
    return new ListValue(pieces);
  }
  const count = Number(limit);
  if (count === 0) {
    return new ListValue([]);
  }
  return new ListValue([...pieces.slice(0, count - 1), pieces.slice(count - 1).join(separator)]);
}

function substring(text: string, start: bigint, end: bigint | undefined): string {
  const length = BigInt(pointsOf(text).length);
  if (start < 0n || start > length) {
    throw outOfRange(start);
  }
  if (end !== undefined && (end < 0n || end > length)) {
    throw outOfRange(end);
  }
  if (end !== undefined && start > end) {
    throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  }
  return slice(text, Number(start), end === undefined ? undefined : Number(end));
}

const SPACE = '[\\t-\\r \\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]';
const LEADING = new RegExp(`^${SPACE}+`);
const SPACE_CHARACTER = new RegExp(SPACE);

/** Go's `strings.TrimSpace`. */
function trim(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE_CHARACTER.test(text.charAt(end - 1))) {
    end--;
  }
  return text.slice(0, end).replace(LEADING, '');
}

function join(list: ListValue, separator = ''): string {
  const pieces = list.toArray();
  if (!pieces.every((piece) => typeof piece === 'string')) {
    throw new CelError('no such overload');
  }
  const length = pieces.reduce((sum, piece) => sum + piece.length + separator.length, 0);
  if (length > LONGEST_TEXT) {
    throw new CelError(`string exceeds maximum length (${LONGEST_TEXT})`);
  }
  return pieces.join(separator);
}

const QUOTED: Readonly<Record<string, string>> = {
  '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\',
  '"': '\\"',
}; // prettier-ignore

/** As a literal of the language; halves of surrogate pairs become U+FFFD. */
function quote(text: string): string {
  const escaped = [...text].map((point) => {
    const alone = point.length === 1 && point >= '\uD800' && point <= '\uDFFF';
    return alone ? '\uFFFD' : (QUOTED[point] ?? point);
  });
  return `"${escaped.join('')}"`;
}

/** Only letters of ASCII change. */
function asciiCase(text: string, upper: boolean): string {
  return upper
    ? text.replace(/[a-z]+/g, (part) => part.toUpperCase())
    : text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
}

const STRINGS = listOf(STRING);

export const STRING_LIBRARY: Library = {
  name: 'strings',
  functions: [
    { name: 'charAt', overloads: [memberOverload('string_char_at_int', [STRING, INT], STRING, charAt)] },
    {
      name: 'format',
      overloads: [memberOverload('string_format', [STRING, listOf(DYN)], STRING, formatTextLocalized)],
    },
    {
      name: 'indexOf',
      overloads: [
        memberOverload('string_index_of_string', [STRING, STRING], INT, (text: string, part: string) =>
          find(text, part, { last: false }),
        ),
        memberOverload(
          'string_index_of_string_int',
          [STRING, STRING, INT],
          INT,
          (text: string, part: string, from: bigint) => find(text, part, { from, last: false }),
        ),
      ],
    },
    {
      name: 'join',
      overloads: [
        memberOverload('list_join', [STRINGS], STRING, (list: ListValue) => join(list)),
        memberOverload('list_join_string', [STRINGS, STRING], STRING, join),
      ],
    },
    {
      name: 'lastIndexOf',
      overloads: [
        memberOverload('string_last_index_of_string', [STRING, STRING], INT, (text: string, part: string) =>
          find(text, part, { last: true }),
        ),
        memberOverload(
          'string_last_index_of_string_int',
          [STRING, STRING, INT],
          INT,
          (text: string, part: string, from: bigint) => find(text, part, { from, last: true }),
        ),
      ],
    },
    {
      name: 'lowerAscii',
      overloads: [memberOverload('string_lower_ascii', [STRING], STRING, (text: string) => asciiCase(text, false))],
    },
    {
      name: 'replace',
      overloads: [
        memberOverload(
          'string_replace_string_string',
          [STRING, STRING, STRING],
          STRING,
          (a: string, b: string, c: string) => replace(a, b, c),
        ),
        memberOverload('string_replace_string_string_int', [STRING, STRING, STRING, INT], STRING, replace),
      ],
    },
    {
      name: 'split',
      overloads: [
        memberOverload('string_split_string', [STRING, STRING], STRINGS, (text: string, separator: string) =>
          splitLimited(text, separator, -1n),
        ),
        memberOverload('string_split_string_int', [STRING, STRING, INT], STRINGS, splitLimited),
      ],
    },
    {
      name: 'substring',
      overloads: [
        memberOverload('string_substring_int', [STRING, INT], STRING, (text: string, start: bigint) =>
          substring(text, start, undefined),
        ),
        memberOverload('string_substring_int_int', [STRING, INT, INT], STRING, substring),
      ],
    },
    { name: 'trim', overloads: [memberOverload('string_trim', [STRING], STRING, trim)] },
    {
      name: 'upperAscii',
      overloads: [memberOverload('string_upper_ascii', [STRING], STRING, (text: string) => asciiCase(text, true))],
    },
    { name: 'strings.quote', overloads: [globalOverload('strings_quote', [STRING], STRING, quote)] },
  ],
};

/** What later versions of the library add or do otherwise; Kubernetes does not have them. It comes before the other. */
export const LATER_STRING_LIBRARY: Library = {
  name: 'later strings',
  functions: [
    {
      name: 'format',
      overloads: [memberOverload('string_format', [STRING, listOf(DYN)], STRING, formatText)],
    },
    {
      name: 'reverse',
      overloads: [memberOverload('string_reverse', [STRING], STRING, (text: string) => [...text].reverse().join(''))],
    },
  ],
};
