/**
 * Parses the text of an expression: precedence climbing over the grammar of the language definition. Macros are
 * expanded while parsing; problems are worded as cel-go's parser words them, the first one ends the parse.
 */
import { type Expr, type MapEntry, type StructField } from './ast.ts';
import type { Macro } from './declarations.ts';
import {
  EXPECTED,
  EXPECTED_IN_LIST,
  EXPECTED_IN_MAP,
  KEYWORDS,
  LEVELS,
  RESERVED,
  startsExpression,
} from './grammar.ts';
import { tokenize, type Token } from './lexer.ts';
import { MAX_EXPRESSION_DEPTH } from './limits.ts';
import { decodeDouble, decodeInt, decodeString, decodeUint } from './literals.ts';
import { NodeFactory } from './nodes.ts';
import { NOWHERE, type Problem, SyntaxProblem } from './source.ts';

/** By name; several with different counts of arguments. */
export type MacroTable = ReadonlyMap<string, readonly Macro[]>;

export interface ParseOptions {
  readonly macros: MacroTable;
  /** Fields may be written in backticks. */
  readonly quotedFields: boolean;
}

/** The tree, or what is wrong with the text. */
export function parse(text: string, options: ParseOptions): { root?: Expr; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  try {
    const root = new Parser(text, options, problems).parse();
    return problems.length > 0 ? { problems } : { root, problems };
  } catch (error) {
    if (error instanceof SyntaxProblem) {
      return { problems: [...problems, { at: error.at, message: error.message }] };
    }
    throw error;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #options: ParseOptions;
  /** Problems after which the parse goes on. */
  readonly #problems: Problem[];
  readonly #nodes = new NodeFactory();
  #index = 0;
  #depth = 0;

  constructor(text: string, options: ParseOptions, problems: Problem[]) {
    this.#tokens = tokenize(text, problems);
    this.#options = options;
    this.#problems = problems;
  }

  parse(): Expr {
    const expr = this.#expression();
    const token = this.#peek();
    if (token.kind !== 'end') {
      throw this.#unexpected(token, '<EOF>');
    }
    return expr;
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)] as Token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#index++;
    return token;
  }

  #accept(operator: string): Token | undefined {
    const token = this.#peek();
    const matches = token.text === operator && (token.kind === 'operator' || operator === 'in');
    return matches ? this.#take() : undefined;
  }

  #expect(operator: string): Token {
    const token = this.#accept(operator);
    if (token === undefined) {
      throw this.#unexpected(this.#peek(), `'${operator}'`);
    }
    return token;
  }

  #unexpected(token: Token, expected: string): SyntaxProblem {
    // ANTLR drops one token when the next one would do.
    const next = this.#peek(1);
    const wouldDo = expected === '<EOF>' ? next.kind === 'end' : expected.startsWith('{') && startsExpression(next);
    const verb = wouldDo && token.kind !== 'end' ? 'extraneous' : 'mismatched';
    return new SyntaxProblem(token.at, `Syntax error: ${verb} input '${token.text}' expecting ${expected}`);
  }

  #expression(): Expr {
    if (++this.#depth > MAX_EXPRESSION_DEPTH) {
      throw new SyntaxProblem(NOWHERE, `expression recursion limit exceeded: ${MAX_EXPRESSION_DEPTH}`);
    }
    const condition = this.#logical('||', () => this.#logical('&&', () => this.#binary(0)));
    const question = this.#accept('?');
    let result = condition;
    if (question !== undefined) {
      const whenTrue = this.#logical('||', () => this.#logical('&&', () => this.#binary(0)));
      this.#expect(':');
      result = this.#nodes.call(question.at, '_?_:_', [condition, whenTrue, this.#expression()]);
    }
    this.#depth--;
    return result;
  }

  /** Chains of `||` and `&&` become balanced trees, so that long ones are not deep. */
  #logical(operator: '||' | '&&', operand: () => Expr): Expr {
    const terms = [operand()];
    const ats: number[] = [];
    for (let token = this.#accept(operator); token !== undefined; token = this.#accept(operator)) {
      ats.push(token.at);
      terms.push(operand());
    }
    const balance = (low: number, high: number): Expr => {
      if (low === high) {
        return terms[low] as Expr;
      }
      const middle = Math.floor((low + high) / 2);
      return this.#nodes.call(ats[middle] as number, `_${operator}_`, [
        balance(low, middle),
        balance(middle + 1, high),
      ]);
    };
    return balance(0, terms.length - 1);
  }

  #binary(level: number): Expr {
    const operators = LEVELS[level];
    if (operators === undefined) {
      return this.#unary();
    }
    let left = this.#binary(level + 1);
    for (;;) {
      const token = this.#peek();
      const isOperator = token.kind === 'operator' || token.text === 'in';
      if (!isOperator || !operators.includes(token.text)) {
        return left;
      }
      this.#take();
      const name = token.text === 'in' ? '@in' : `_${token.text}_`;
      left = this.#nodes.call(token.at, name, [left, this.#binary(level + 1)]);
    }
  }

  #unary(): Expr {
    const operators: Token[] = [];
    const first = this.#peek();
    if (first.kind === 'operator' && (first.text === '-' || first.text === '!')) {
      while (this.#peek().kind === 'operator' && this.#peek().text === first.text) {
        operators.push(this.#take());
      }
    }
    const isNumber = this.#peek().kind === 'int' || this.#peek().kind === 'double';
    const negative = first.text === '-' && operators.length > 0 && isNumber ? operators.pop() : undefined;
    const operand = this.#member(negative);
    // Pairs cancel, as cel-go has it.
    const last = operators.at(-1);
    if (last === undefined || operators.length % 2 === 0) {
      return operand;
    }
    return this.#nodes.call(last.at, first.text === '!' ? '!_' : '-_', [operand]);
  }

  #member(minus: Token | undefined): Expr {
    let operand = this.#primary(minus);
    for (;;) {
      const token = this.#peek();
      if (this.#accept('.') !== undefined) {
        operand = this.#selection(operand, token);
      } else if (this.#accept('[') !== undefined) {
        const optional = this.#accept('?') !== undefined;
        const index = this.#expression();
        this.#expect(']');
        operand = this.#nodes.call(token.at, optional ? '_[?_]' : '_[_]', [operand, index]);
      } else {
        return operand;
      }
    }
  }

  #selection(operand: Expr, dot: Token): Expr {
    if (this.#accept('?') !== undefined) {
      const field = this.#fieldName();
      const name = this.#nodes.literal(dot.at, field);
      return this.#nodes.call(dot.at, '_?._', [operand, name]);
    }
    if (this.#peek().kind === 'quoted') {
      return this.#nodes.select(dot.at, operand, { field: this.#fieldName(), test: false });
    }
    const ident = this.#identifier();
    const open = this.#accept('(');
    if (open === undefined) {
      return this.#nodes.select(dot.at, operand, { field: ident.text, test: false });
    }
    const args = this.#arguments(')');
    return this.#expand({ name: ident.text, target: operand, args, at: open.at });
  }

  #fieldName(): string {
    const token = this.#peek();
    if (token.kind !== 'quoted') {
      return this.#identifier().text;
    }
    if (!this.#options.quotedFields) {
      this.#problems.push({ at: token.at, message: "unsupported syntax: '`'" });
    }
    return this.#take().text.slice(1, -1);
  }

  #identifier(): Token {
    const token = this.#peek();
    if (token.kind !== 'ident' || KEYWORDS.has(token.text)) {
      const found = token.kind === 'end' ? 'no viable alternative at input' : 'mismatched input';
      const expecting = token.kind === 'end' ? `'.'` : `'${token.text}' expecting IDENTIFIER`;
      throw new SyntaxProblem(token.at, `Syntax error: ${found} ${expecting}`);
    }
    return this.#take();
  }

  #arguments(close: string): Expr[] {
    const args: Expr[] = [];
    if (this.#accept(close) !== undefined) {
      return args;
    }
    do {
      args.push(this.#expression());
    } while (this.#accept(',') !== undefined);
    this.#expect(close);
    return args;
  }

  #primary(minus: Token | undefined): Expr {
    const token = this.#peek();
    switch (token.kind) {
      case 'int':
        return this.#nodes.literal(minus?.at ?? token.at, decodeInt(this.#take().text, minus !== undefined, token.at));
      case 'double':
        return this.#nodes.literal(
          minus?.at ?? token.at,
          decodeDouble(this.#take().text, minus !== undefined, token.at),
        );
      case 'uint':
        return this.#nodes.literal(token.at, decodeUint(this.#take().text, token.at));
      case 'string':
        return this.#nodes.literal(token.at, decodeString(this.#take().text, token.at));
      case 'ident':
        return this.#named(false);
      default:
        return this.#bracketed(token);
    }
  }

  #bracketed(token: Token): Expr {
    if (this.#accept('(') !== undefined) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    if (this.#accept('[') !== undefined) {
      return this.#list(token.at);
    }
    if (this.#accept('{') !== undefined) {
      return this.#map(token.at);
    }
    if (this.#accept('.') !== undefined) {
      return this.#named(true);
    }
    throw this.#unexpected(token, EXPECTED);
  }

  #named(absolute: boolean): Expr {
    const constant = { true: true, false: false, null: null }[this.#peek().text];
    if (constant !== undefined && !absolute) {
      return this.#nodes.literal(this.#take().at, constant);
    }
    const ident = this.#peek();
    if (ident.kind === 'ident' && KEYWORDS.has(ident.text)) {
      throw this.#unexpected(ident, EXPECTED);
    }
    this.#identifier();
    const structName = this.#structName(ident);
    const dot = absolute ? '.' : '';
    if (structName !== undefined) {
      const open = this.#expect('{');
      return this.#nodes.struct(open.at, dot + structName, this.#fields());
    }
    if (RESERVED.has(ident.text)) {
      this.#problems.push({ at: ident.at, message: `reserved identifier: ${ident.text}` });
      return this.#nodes.literal(ident.at, null);
    }
    const open = this.#accept('(');
    if (open === undefined) {
      return this.#nodes.ident(ident.at, dot + ident.text);
    }
    return this.#expand({ name: dot + ident.text, target: undefined, args: this.#arguments(')'), at: open.at });
  }

  /** Looks ahead: `a.b.C{` constructs; anything else is left where it stands. */
  #structName(first: Token): string | undefined {
    let name = first.text;
    let ahead = 0;
    while (this.#peek(ahead).text === '.' && this.#peek(ahead + 1).kind === 'ident') {
      name += `.${this.#peek(ahead + 1).text}`;
      ahead += 2;
    }
    const open = this.#peek(ahead);
    if (open.kind !== 'operator' || open.text !== '{') {
      return undefined;
    }
    this.#index += ahead;
    return name;
  }

  #list(at: number): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    while (this.#accept(']') === undefined) {
      this.#expectEntry(elements.length, EXPECTED_IN_LIST);
      if (this.#accept('?') !== undefined) {
        optional.add(elements.length);
      }
      elements.push(this.#expression());
      this.#separator(']');
    }
    return this.#nodes.list(at, elements, optional);
  }

  #map(at: number): Expr {
    const entries: MapEntry[] = [];
    while (this.#accept('}') === undefined) {
      this.#expectEntry(entries.length, EXPECTED_IN_MAP);
      const optional = this.#accept('?') !== undefined;
      const key = this.#expression();
      this.#expect(':');
      entries.push({ id: this.#nodes.nextId(), key, value: this.#expression(), optional });
      this.#separator('}');
    }
    return this.#nodes.map(at, entries);
  }

  #fields(): StructField[] {
    const fields: StructField[] = [];
    while (this.#accept('}') === undefined) {
      const optional = this.#accept('?') !== undefined;
      const name = this.#fieldName();
      const at = this.#expect(':').at;
      fields.push({ id: this.#nodes.nextId(), at, name, value: this.#expression(), optional });
      this.#separator('}');
    }
    return fields;
  }

  /** At the first entry of a list or map, the end may stand too. */
  #expectEntry(index: number, expected: string): void {
    const token = this.#peek();
    if (index === 0 && token.text !== '?' && !startsExpression(token)) {
      throw this.#unexpected(token, expected);
    }
  }

  /** A comma, also before the end, or the end. */
  #separator(close: string): void {
    if (this.#accept(',') === undefined && this.#peek().text !== close) {
      throw this.#unexpected(this.#peek(), `{'${close}', ','}`);
    }
  }

  #expand(call: { name: string; target: Expr | undefined; args: Expr[]; at: number }): Expr {
    const name = call.name.replace(/^\./, '');
    const member = call.target !== undefined;
    const fits = (macro: Macro): boolean =>
      macro.member === member && (macro.argCount === undefined || macro.argCount === call.args.length);
    for (const macro of this.#options.macros.get(name)?.filter(fits) ?? []) {
      const expanded = macro.expand({
        target: call.target,
        args: call.args,
        build: this.#nodes.builder(call.at),
        fail: (at, message) => {
          this.#problems.push({ at: at?.at ?? call.at, message });
          return undefined;
        },
      });
      if (expanded !== undefined) {
        return expanded;
      }
    }
    return this.#nodes.call(call.at, call.name, call.args, call.target);
  }
}
