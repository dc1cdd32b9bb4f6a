/**
 * Changes the links of an HTML document while it passes (apimachinery `util/proxy/transport.go`, `rewriteHTML`). Only
 * values of attributes that hold a URL are touched; everything else goes through as it is, also what is no HTML.
 *
 * **Invariant:** no more than one tag is held back, and a character is looked at once however small the pieces are.
 */

/** By tag: `atomsToAttrs`. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Tags in them are text, up to their own end. */
const RAW_TEXT = new Set(['iframe', 'noembed', 'noframes', 'plaintext', 'script', 'style', 'textarea', 'title', 'xmp']);

/** A longer tag is passed on unchanged. */
const MAX_TAG = 65_536;
const COMMENT = '<!--';
const TAG_NAME = /^<([a-z][^\s/>]*)/i;
/** A name begins where none is under way: without that, a long name would be tried from each of its characters. */
const ATTRIBUTE = /(?<![^\s"'<>/=])([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g;

type State = 'text' | 'opening' | 'tag' | 'raw' | 'raw-end' | 'comment';

export class HtmlLinks {
  readonly #rewrite: (link: string) => string;
  #state: State = 'text';
  /** What has been read of the tag, or of what may become one. */
  #held = '';
  #quote = '';
  /** The next character that is no space begins a value. */
  #isValue = false;
  /** `</script`, which ends raw text. */
  #rawEnd = '';
  /** The last two characters of a comment. */
  #tail = '';

  constructor(rewrite: (link: string) => string) {
    this.#rewrite = rewrite;
  }

  /** What may be passed on now. */
  push(text: string): string {
    let passed = '';
    for (let at = 0; at < text.length;) {
      if (this.#isBetweenTags()) {
        const next = text.indexOf('<', at);
        const end = next < 0 ? text.length : next;
        passed += text.slice(at, end);
        if (next < 0) break;
        this.#state = this.#state === 'raw' ? 'raw-end' : 'opening';
        this.#held = '<';
        at = next + 1;
        continue;
      }
      const before = this.#held;
      passed += this.#character(text[at]!);
      // A `<` that ended an attempt begins another one.
      const isReread = text[at] === '<' && before !== '' && this.#isBetweenTags();
      if (isReread) passed = passed.slice(0, -1);
      else at++;
    }
    return passed;
  }

  /** What is left when nothing more comes. */
  end(): string {
    const held = this.#held;
    this.#held = '';
    this.#state = 'text';
    return held;
  }

  #isBetweenTags(): boolean {
    return this.#state === 'text' || this.#state === 'raw';
  }

  #character(character: string): string {
    switch (this.#state) {
      case 'opening':
        return this.#opening(character);
      case 'tag':
        return this.#tag(character);
      case 'raw-end':
        return this.#rawText(character);
      default:
        return this.#comment(character);
    }
  }

  #opening(character: string): string {
    this.#held += character;
    if (this.#held.length === 2 && /[a-z]/i.test(character)) {
      this.#state = 'tag';
      this.#quote = '';
      this.#isValue = false;
      return '';
    }
    if (this.#held === COMMENT) {
      this.#tail = '--';
      return this.#release('comment');
    }
    return COMMENT.startsWith(this.#held) ? '' : this.#release('text');
  }

  #tag(character: string): string {
    this.#held += character;
    if (this.#quote !== '') {
      if (character === this.#quote) this.#quote = '';
    } else if (character === '>') return this.#tagEnd();
    else if (this.#isValue && (character === '"' || character === "'")) this.#quote = character;
    if (character === '=') this.#isValue = this.#quote === '';
    else if (!/\s/.test(character)) this.#isValue = false;
    return this.#held.length > MAX_TAG ? this.#release('text') : '';
  }

  #tagEnd(): string {
    const name = TAG_NAME.exec(this.#held)?.[1]?.toLowerCase() ?? '';
    this.#rawEnd = `</${name}`;
    const tag = this.#release(RAW_TEXT.has(name) ? 'raw' : 'text');
    const links = Object.hasOwn(LINKS, name) ? LINKS[name]! : [];
    if (links.length === 0) return tag;
    const start = name.length + 1;
    return (
      tag.slice(0, start) +
      tag.slice(start).replace(ATTRIBUTE, (whole, attribute: string, equals: string, value: string) => {
        if (!links.includes(attribute.toLowerCase())) return whole;
        return attribute + equals + this.#withLink(value);
      })
    );
  }

  #withLink(value: string): string {
    const quote = value[0] === '"' || value[0] === "'" ? value[0] : '';
    const link = quote === '' ? value : value.slice(1, -1);
    return quote + this.#rewrite(link) + quote;
  }

  #rawText(character: string): string {
    this.#held += character;
    if (this.#held.toLowerCase() === this.#rawEnd) return this.#release('text');
    return this.#rawEnd.startsWith(this.#held.toLowerCase()) ? '' : this.#release('raw');
  }

  #comment(character: string): string {
    const isEnd = character === '>' && (this.#tail === '--' || this.#tail === '-!');
    this.#tail = (this.#tail + character).slice(-2);
    if (isEnd) this.#state = 'text';
    return character;
  }

  #release(state: State): string {
    const held = this.#held;
    this.#held = '';
    this.#state = state;
    return held;
  }
}

/** Bytes that are no ASCII stay as they are, whatever they mean. */
export async function* withLinks(
  chunks: AsyncIterable<Uint8Array>,
  rewrite: (link: string) => string,
): AsyncGenerator<Uint8Array> {
  const links = new HtmlLinks(rewrite);
  for await (const chunk of chunks) {
    const text = links.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1'));
    if (text !== '') yield Buffer.from(text, 'latin1');
  }
  const rest = links.end();
  if (rest !== '') yield Buffer.from(rest, 'latin1');
}
