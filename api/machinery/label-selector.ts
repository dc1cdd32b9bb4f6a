/**
 * Label selectors: the query form (`app=web,tier in (a,b),!x`) and the object form (`matchLabels`, `matchExpressions`),
 * both compiled into requirements (apimachinery `pkg/labels/selector.go`).
 */
import type { LabelSelector } from './meta.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  key: string;
  operator: LabelOperator;
  values: readonly string[];
}

export interface Selector {
  readonly requirements: readonly LabelRequirement[];
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
  /** In the query form, parseable again. */
  toString(): string;
}

function requirementMatches(
  { key, operator, values }: LabelRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const present = Object.hasOwn(labels, key);
  const value = present ? labels[key]! : '';
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return present && values.includes(value);
    case '!=':
    case 'notin':
      return !present || !values.includes(value);
    case 'exists':
      return present;
    case '!':
      return !present;
    case 'gt':
    case 'lt':
      return present && isBeyond(value, operator, values[0]!);
  }
}

/** Values that are no integers are beyond nothing. */
function isBeyond(value: string, operator: 'gt' | 'lt', bound: string): boolean {
  if (!/^[+-]?\d+$/.test(value)) return false;
  return operator === 'gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${[...values].sort().join(',')})`;
    case 'gt':
      return `${key}>${values[0]!}`;
    case 'lt':
      return `${key}<${values[0]!}`;
    default:
      return `${key}${operator}${values[0]!}`;
  }
}

export function selectorOf(requirements: readonly LabelRequirement[]): Selector {
  const none: Readonly<Record<string, string>> = {};
  return {
    requirements,
    matches: (labels) => requirements.every((requirement) => requirementMatches(requirement, labels ?? none)),
    toString: () => requirements.map(formatRequirement).join(','),
  };
}

/** Matches every set of labels. */
export const everything: Selector = selectorOf([]);

/** Matches nothing: what a nil `LabelSelector` means. */
export const nothing: Selector = { requirements: [], matches: () => false, toString: () => '<none>' };

export function selectorFromMap(labels: Readonly<Record<string, string>>): Selector {
  return selectorOf(Object.entries(labels).map(([key, value]) => ({ key, operator: '=', values: [value] })));
}

const OBJECT_OPERATORS: Record<string, LabelOperator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** The object form: absent matches nothing, empty matches everything (`metav1.LabelSelectorAsSelector`). Throws on an unknown operator. */
export function selectorFromObject(selector: LabelSelector | undefined | null): Selector {
  if (selector === undefined || selector === null) return nothing;
  const requirements: LabelRequirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }));
  for (const expression of selector.matchExpressions ?? []) {
    const operator = OBJECT_OPERATORS[expression.operator];
    if (operator === undefined)
      throw new Error(`${JSON.stringify(expression.operator)} is not a valid label selector operator`);
    requirements.push({ key: expression.key, operator, values: expression.values ?? [] });
  }
  return selectorOf(requirements);
}

const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

function checkKey(key: string): void {
  const parts = key.split('/');
  const name = parts.length === 2 ? parts[1]! : parts[0]!;
  const prefixFine =
    parts.length === 1 || (parts.length === 2 && parts[0]!.length <= 253 && DNS_SUBDOMAIN.test(parts[0]!));
  if (!prefixFine || name.length > 63 || !QUALIFIED_NAME.test(name)) {
    const detail =
      name === ''
        ? 'name part must be non-empty'
        : "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    throw new Error(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: ${detail}`);
  }
}

function checkValue(key: string, value: string): void {
  if (value.length <= 63 && LABEL_VALUE.test(value)) return;
  const detail =
    value.length > 63
      ? 'must be no more than 63 bytes'
      : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
  throw new Error(`unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${detail}`);
}

const TOKEN = /\s*(==|!=|=|!|>|<|,|\(|\)|[^\s=!<>,()]+)/y;

/** A reader over the tokens of the query form; `''` is the end. */
class TokenReader {
  readonly #tokens: string[] = [];
  #position = 0;
  constructor(text: string) {
    TOKEN.lastIndex = 0;
    for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) this.#tokens.push(match[1]!);
  }
  peek(): string {
    return this.#tokens[this.#position] ?? '';
  }
  next(): string {
    const token = this.peek();
    this.#position++;
    return token;
  }
}

const PUNCTUATION = new Set(['=', '==', '!=', '!', '>', '<', ',', '(', ')', '']);

function parseKey(reader: TokenReader): string {
  const key = reader.next();
  if (PUNCTUATION.has(key)) {
    throw new Error(`unable to parse requirement: found '${key}', expected: identifier`);
  }
  checkKey(key);
  return key;
}

/** `(a,b,)`: an empty item is the empty value. */
function parseValueList(reader: TokenReader, key: string): string[] {
  if (reader.peek() !== '(') throw new Error(`unable to parse requirement: found '${reader.peek()}' expected: '('`);
  reader.next();
  const values = new Set<string>();
  let expectsValue = true;
  for (;;) {
    const token = reader.next();
    if (token === ')') {
      if (expectsValue) values.add('');
      return [...values];
    }
    if (token === ',') {
      if (expectsValue) values.add('');
      expectsValue = true;
      continue;
    }
    if (PUNCTUATION.has(token)) throw new Error(`unable to parse requirement: found '${token}', expected: ',', or ')'`);
    checkValue(key, token);
    values.add(token);
    expectsValue = false;
  }
}

function parseExactValue(reader: TokenReader, key: string): string {
  const token = reader.peek();
  if (token === '' || token === ',') return '';
  if (PUNCTUATION.has(token)) throw new Error(`unable to parse requirement: found '${token}', expected: identifier`);
  reader.next();
  checkValue(key, token);
  return token;
}

function parseRequirement(reader: TokenReader): LabelRequirement {
  if (reader.peek() === '!') {
    reader.next();
    return { key: parseKey(reader), operator: '!', values: [] };
  }
  const key = parseKey(reader);
  const token = reader.peek();
  if (token === '' || token === ',') return { key, operator: 'exists', values: [] };
  reader.next();
  switch (token) {
    case 'in':
    case 'notin':
      return { key, operator: token, values: parseValueList(reader, key) };
    case '=':
    case '==':
    case '!=':
      return { key, operator: token, values: [parseExactValue(reader, key)] };
    case '>':
    case '<': {
      const value = parseExactValue(reader, key);
      if (!/^[+-]?\d+$/.test(value)) {
        throw new Error(
          `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      }
      return { key, operator: token === '>' ? 'gt' : 'lt', values: [value] };
    }
    default:
      throw new Error(`unable to parse requirement: found '${token}', expected: in, notin, =, ==, !=, gt, lt`);
  }
}

function beginsRequirement(reader: TokenReader): boolean {
  return reader.peek() === '!' || !PUNCTUATION.has(reader.peek());
}

/** Parses the query form. Throws an Error whose message is upstream's. Empty text matches everything. */
export function parseLabelSelector(text: string): Selector {
  const reader = new TokenReader(text);
  if (reader.peek() === '') return everything;
  if (!beginsRequirement(reader))
    throw new Error(`found '${reader.peek()}', expected: !, identifier, or 'end of string'`);
  const requirements: LabelRequirement[] = [];
  for (;;) {
    requirements.push(parseRequirement(reader));
    const separator = reader.next();
    if (separator === '') break;
    if (separator !== ',') throw new Error(`found '${separator}', expected: ',' or 'end of string'`);
    if (!beginsRequirement(reader)) throw new Error(`found '${reader.peek()}', expected: identifier after ','`);
  }
  requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return selectorOf(requirements);
}
