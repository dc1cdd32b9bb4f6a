/**
 * Reads JSON text token by token, for what `JSON.parse` does not tell: which keys stand twice, and what Go's decoder
 * says about text that is not JSON. Slower than `JSON.parse`, so it runs only on demand.
 */
export interface JsonVisitor {
  /** A key of an object; `path` leads to the object. */
  key(name: string, path: readonly (string | number)[]): void;
  objectStart(): void;
  objectEnd(): void;
}

interface Level {
  isObject: boolean;
  index: number;
}

const LITERALS: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' };
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;

/** Walks the whole text; throws an `Error` with Go's words at the first mistake. No recursion: depth costs no stack. */
export function scanJson(text: string, visitor: JsonVisitor): void {
  new Scanner(text, visitor).run();
}

class Scanner {
  readonly #text: string;
  readonly #visitor: JsonVisitor;
  readonly #levels: Level[] = [];
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, visitor: JsonVisitor) {
    this.#text = text;
    this.#visitor = visitor;
  }

  run(): void {
    this.#skipSpace();
    let isValueDone = this.#startValue();
    for (;;) {
      this.#skipSpace();
      const level = this.#levels.at(-1);
      if (level === undefined) break;
      if (isValueDone) isValueDone = this.#continueLevel(level);
      else isValueDone = this.#firstMember(level);
    }
    if (this.#at < this.#text.length) this.#fail('after top-level value');
  }

  /** Reads a scalar or opens a level; true when the value is complete. */
  #startValue(): boolean {
    const char = this.#text[this.#at];
    if (char === '{' || char === '[') {
      this.#at++;
      this.#levels.push({ isObject: char === '{', index: 0 });
      if (char === '{') this.#visitor.objectStart();
      return false;
    }
    if (char === '"') this.#readString();
    else if (char !== undefined && Object.hasOwn(LITERALS, char)) this.#readLiteral(LITERALS[char]!);
    else if (char !== undefined && /[-0-9]/.test(char)) this.#readNumber();
    else this.#fail('looking for beginning of value');
    return true;
  }

  #firstMember(level: Level): boolean {
    if (this.#text[this.#at] === (level.isObject ? '}' : ']')) return this.#close(level);
    return this.#startMember(level);
  }

  #continueLevel(level: Level): boolean {
    this.#path.pop();
    const char = this.#text[this.#at];
    if (char === (level.isObject ? '}' : ']')) return this.#close(level);
    if (char !== ',') this.#fail(level.isObject ? 'after object key:value pair' : 'after array element');
    this.#at++;
    this.#skipSpace();
    level.index++;
    return this.#startMember(level);
  }

  #startMember(level: Level): boolean {
    if (!level.isObject) {
      this.#path.push(level.index);
      return this.#startValue();
    }
    if (this.#text[this.#at] !== '"') this.#fail('looking for beginning of object key string');
    const name = this.#readString();
    this.#visitor.key(name, this.#path);
    this.#skipSpace();
    if (this.#text[this.#at] !== ':') this.#fail('after object key');
    this.#at++;
    this.#skipSpace();
    this.#path.push(name);
    return this.#startValue();
  }

  #close(level: Level): boolean {
    this.#at++;
    this.#levels.pop();
    if (level.isObject) this.#visitor.objectEnd();
    return true;
  }

  #readString(): string {
    const start = this.#at;
    for (let at = start + 1; ; at++) {
      const char = this.#text[at];
      if (char === '\\') at++;
      else if (char === '"') {
        this.#at = at + 1;
        break;
      } else if (char === undefined || char < ' ') {
        this.#at = at;
        this.#fail('in string literal');
      }
    }
    const token = this.#text.slice(start, this.#at);
    if (!token.includes('\\')) return token.slice(1, -1);
    try {
      return JSON.parse(token) as string;
    } catch {
      const bad = /\\(?:u[0-9a-fA-F]{0,3}(?![0-9a-fA-F])|[^"\\/bfnrtu])/.exec(token);
      this.#at = start + (bad?.index ?? 0) + (bad?.[0].length ?? 0) - 1;
      return this.#fail('in string escape code');
    }
  }

  #readLiteral(word: string): void {
    for (let i = 0; i < word.length; i++, this.#at++) {
      if (this.#text[this.#at] !== word[i]) this.#fail(`in literal ${word} (expecting '${word[i]!}')`);
    }
  }

  #readNumber(): void {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) {
      this.#at++;
      this.#fail('in numeric literal');
    }
    this.#at += match[0].length;
    if (/[.eE]/.test(this.#text[this.#at] ?? '')) {
      const part =
        this.#text[this.#at] === '.' ? 'after decimal point in numeric literal' : 'in exponent of numeric literal';
      this.#at++;
      this.#fail(part);
    }
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #fail(where: string): never {
    const char = this.#text[this.#at];
    if (char === undefined) throw new Error('unexpected end of JSON input');
    throw new Error(`invalid character ${quoteChar(char)} ${where}`);
  }
}

/** A character as Go's `quoteChar` prints it. */
function quoteChar(char: string): string {
  if (char === "'") return `'\\''`;
  if (char === '"') return `'"'`;
  return `'${JSON.stringify(char).slice(1, -1)}'`;
}
