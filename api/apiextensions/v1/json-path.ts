/**
 * The JSON paths of printer columns (client-go `util/jsonpath` with missing keys allowed): fields, indexes, slices,
 * wildcards, recursive descent and filters such as `.status.conditions[?(@.type=="Ready")].status`.
 */

type Step =
  | { type: 'field'; name: string }
  | { type: 'wildcard' }
  | { type: 'descend' }
  | { type: 'slice'; start: number | undefined; end: number | undefined; step: number }
  | { type: 'index'; at: number }
  | { type: 'union'; names: string[] }
  | { type: 'filter'; path: Step[]; operator: string; value: unknown };

export type JsonPath = (object: unknown) => unknown[];

const MAX_LENGTH = 4096;
const MAX_FOUND = 10_000;

/** Compiles `.spec.replicas`. Throws an `Error` that says what is wrong with the text. */
export function compileJsonPath(text: string): JsonPath {
  const steps = new Parser(text).parse();
  return (object) => walk([object], steps);
}

function walk(values: unknown[], steps: readonly Step[]): unknown[] {
  let found = values;
  for (const step of steps) {
    const next: unknown[] = [];
    for (const value of found) {
      take(value, step, next);
      if (next.length > MAX_FOUND) break;
    }
    found = next;
  }
  return found;
}

function take(value: unknown, step: Step, out: unknown[]): void {
  if (typeof value !== 'object' || value === null) return;
  switch (step.type) {
    case 'field':
      takeField(value, step.name, out);
      return;
    case 'union':
      for (const name of step.names) takeField(value, name, out);
      return;
    case 'wildcard':
      addAll(Object.values(value), out);
      return;
    case 'descend':
      descend(value, out);
      return;
    case 'filter':
      addAll(
        Object.values(value).filter((item) => accepts(item, step)),
        out,
      );
      return;
    case 'index':
    case 'slice':
      if (Array.isArray(value)) addAll(takeItems(value, step), out);
  }
}

/** As many as count: what is found may be more than a call takes arguments. */
function addAll(values: readonly unknown[], out: unknown[]): void {
  for (const value of values) if (out.length <= MAX_FOUND) out.push(value);
}

function takeField(value: object, name: string, out: unknown[]): void {
  if (!Array.isArray(value) && Object.hasOwn(value, name)) out.push((value as Record<string, unknown>)[name]);
}

function takeItems(list: readonly unknown[], step: Step & { type: 'index' | 'slice' }): unknown[] {
  const at = (position: number): number => (position < 0 ? position + list.length : position);
  if (step.type === 'index') return at(step.at) in list ? [list[at(step.at)]] : [];
  const taken: unknown[] = [];
  const end = Math.min(at(step.end ?? list.length), list.length);
  for (let i = Math.max(at(step.start ?? 0), 0); i < end; i += step.step) taken.push(list[i]);
  return taken;
}

function descend(value: unknown, out: unknown[]): void {
  if (typeof value !== 'object' || value === null || out.length > MAX_FOUND) return;
  out.push(value);
  for (const child of Object.values(value)) descend(child, out);
}

function accepts(item: unknown, { path, operator, value }: Step & { type: 'filter' }): boolean {
  const [left] = walk([item], path);
  if (operator === 'exists') return left !== undefined;
  if (left === undefined) return false;
  if (operator === '==') return left === value;
  if (operator === '!=') return left !== value;
  if (typeof left !== typeof value || (typeof left !== 'number' && typeof left !== 'string')) return false;
  const right = value as number | string;
  if (operator === '<') return left < right;
  if (operator === '>') return left > right;
  return operator === '<=' ? left <= right : left >= right;
}

const NAME = /[^\s.[\](){}'",|?@*]+/y;
/** In a filter an operator ends it. */
const FILTER_NAME = /[^\s.[\](){}'",|?@*=!<>]+/y;
const QUOTED = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/y;
const NUMBER = /-?\d+(\.\d+)?/y;
const OPERATOR = /\s*(==|!=|<=|>=|<|>)\s*/y;

class Parser {
  readonly #text: string;
  #at = 0;
  #nameForm = NAME;

  constructor(text: string) {
    if (text.length > MAX_LENGTH) throw new Error('the path is too long');
    // Braces are allowed around a path, as kubectl's own templates have them.
    const inner = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text;
    this.#text = inner.startsWith('$') ? inner.slice(1) : inner;
  }

  parse(): Step[] {
    const steps = this.#steps();
    if (this.#at < this.#text.length) this.#fail();
    return steps;
  }

  #steps(): Step[] {
    const steps: Step[] = [];
    while (this.#at < this.#text.length) {
      if (this.#skip('..')) {
        steps.push({ type: 'descend' });
        if (this.#peek() !== '[') steps.push(this.#name());
      } else if (this.#skip('.')) {
        if (this.#at < this.#text.length && this.#peek() !== '[') steps.push(this.#name());
      } else if (this.#skip('[')) steps.push(this.#bracket());
      else break;
    }
    return steps;
  }

  #name(): Step {
    if (this.#skip('*')) return { type: 'wildcard' };
    let name = '';
    for (;;) {
      name += this.#match(this.#nameForm)?.[0] ?? '';
      if (name.endsWith('\\') && this.#at < this.#text.length) name = name.slice(0, -1) + this.#text.charAt(this.#at++);
      else break;
    }
    // An escaped dot belongs to the name.
    if (name === '') this.#fail();
    return { type: 'field', name };
  }

  #bracket(): Step {
    if (this.#skip('?(')) return this.#filter();
    let step: Step;
    if (this.#skip('*')) step = { type: 'wildcard' };
    else if (this.#peek() === "'" || this.#peek() === '"') {
      const names = [this.#quoted()];
      while (this.#skip(',')) names.push(this.#quoted());
      step = { type: 'union', names };
    } else step = this.#range();
    if (!this.#skip(']')) this.#fail();
    return step;
  }

  #range(): Step {
    const numbers = [this.#integer()];
    while (this.#skip(':')) numbers.push(this.#integer());
    const [start, end, step = 1] = numbers;
    if (numbers.length > 3 || step < 1) this.#fail();
    if (numbers.length > 1) return { type: 'slice', start, end, step };
    if (start === undefined) this.#fail();
    return { type: 'index', at: start };
  }

  #filter(): Step {
    if (!this.#skip('@')) this.#fail();
    this.#nameForm = FILTER_NAME;
    const path = this.#steps();
    this.#nameForm = NAME;
    const operator = this.#match(OPERATOR)?.[1] ?? 'exists';
    const value = operator === 'exists' ? undefined : this.#literal();
    if (!this.#skip(')]')) this.#fail();
    return { type: 'filter', path, operator, value };
  }

  #literal(): unknown {
    if (this.#peek() === "'" || this.#peek() === '"') return this.#quoted();
    if (this.#skip('true')) return true;
    if (this.#skip('false')) return false;
    const number = this.#match(NUMBER);
    if (number === undefined) this.#fail();
    return Number(number[0]);
  }

  #quoted(): string {
    while (this.#peek() === ' ') this.#at++;
    const match = this.#match(QUOTED);
    if (match === undefined) this.#fail();
    return (match[1] ?? match[2] ?? '').replace(/\\(.)/g, '$1');
  }

  #integer(): number | undefined {
    const text = this.#match(/-?\d+/y)?.[0];
    return text === undefined ? undefined : Number(text);
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match;
  }

  #fail(): never {
    throw new Error(`unexpected text at position ${this.#at} of ${JSON.stringify(this.#text.slice(0, 80))}`);
  }
}
