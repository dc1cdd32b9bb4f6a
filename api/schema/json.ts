/**
 * From bytes to plain values: JSON with a bound on depth and Go's error texts, YAML as kubectl's parser reads it, and
 * the keys that stand twice. `__proto__` is a key like any other: use `Object.hasOwn` and never plain assignment with
 * keys from clients.
 */
import { LineCounter, isAlias, isMap, isScalar, parseDocument, visit } from 'yaml';
import type { Document, Tags, YAMLMap } from 'yaml';
import { checkInteger, checkIntegers, endOfString } from './exact-integers.ts';
import { scanJson } from './json-scanner.ts';

export interface DecodeOptions {
  /** Levels of objects and lists. Go's decoder has 10,000; recursion over values is safe with fewer. Default 512. */
  maxDepth?: number;
}

const MAX_DEPTH = 512;
const DEPTH_ERROR = 'exceeded max depth';

/** Parses JSON; throws an `Error`, with Go's words for what Go refuses. Invalid UTF-8 becomes U+FFFD, a repeated key's last value counts. */
export function decodeJson(bytes: Uint8Array | string, { maxDepth = MAX_DEPTH }: DecodeOptions = {}): unknown {
  const text =
    typeof bytes === 'string' ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(SURROGATE.test(text) ? withoutLoneSurrogates(text) : text);
  } catch (error) {
    scanJson(text, NO_VISITOR);
    throw error;
  }
  checkIntegers(text);
  // Every level takes two characters.
  if (text.length > 2 * maxDepth) boundDepth(value, maxDepth);
  return value;
}

/** `duplicate field "spec.x"` for every path whose key stands twice in its object; `[]` for text that is not JSON. */
export function findDuplicateKeys(text: string): string[] {
  if (!mayRepeatKeys(text)) return [];
  const found = new Set<string>();
  const open: Set<string>[] = [];
  try {
    scanJson(text, {
      key(name, path) {
        const names = open.at(-1)!;
        if (names.has(name)) found.add(`duplicate field ${JSON.stringify(formatPath([...path, name]))}`);
        names.add(name);
      },
      objectStart: () => void open.push(new Set()),
      objectEnd: () => void open.pop(),
    });
  } catch {
    return [];
  }
  return [...found];
}

export interface DecodedYaml {
  value: unknown;
  /** `line 3: key "x" already set in map`. */
  duplicates: string[];
}

/** How often anchors may be used in one document. */
const MAX_ALIASES = 100;

/**
 * Parses the first document of a YAML text (JSON is YAML); throws an `Error`. YAML 1.1 as go-yaml has it: `yes` is
 * true, `012` octal, `<<` merges; times stay text, and there is no base 60.
 */
export function decodeYaml(text: string, options: DecodeOptions = {}): DecodedYaml {
  const json = decodePlainJson(text, options);
  return json === undefined ? decodeYamlText(text, options) : { value: json, duplicates: [] };
}

/** What most clients send as YAML is JSON, which is read ten times as fast; `undefined` for anything else. */
function decodePlainJson(text: string, options: DecodeOptions): unknown {
  if (!text.startsWith('{')) return undefined;
  try {
    const value = decodeJson(text, options);
    return countKeysIn(text) === countKeys(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function decodeYamlText(text: string, { maxDepth = MAX_DEPTH }: DecodeOptions): DecodedYaml {
  const lines = new LineCounter();
  const document = parseYaml(text, lines);
  for (const error of document.errors) {
    if (error.code === 'MULTIPLE_DOCS') break;
    const { line } = lines.linePos(error.pos[0]);
    throw new Error(`yaml: line ${line}: ${error.message.split(' at line ')[0]!}`);
  }
  let aliases = 0;
  const repeated: number[] = [];
  visit(document, (_, node) => {
    if (isAlias(node) && ++aliases > MAX_ALIASES) throw new Error('yaml: document contains excessive aliasing');
    if (isMap(node)) addRepeatedKeys(node, repeated);
    if (isScalar(node) && typeof node.value === 'number') checkInteger(node.source ?? '');
  });
  const duplicates = repeated
    .sort((a, b) => a - b)
    .map((at) => `line ${lines.linePos(at).line}: key ${keyAt(text, at)} already set in map`);
  const value = toPlain(document);
  if (YAML_ESCAPE.test(text) && hasLoneSurrogate(value))
    throw new Error('yaml: found invalid Unicode character escape code');
  boundDepth(value, maxDepth);
  return { value, duplicates };
}

const YAML_ESCAPE = /\\[uU]/;

/** JSON has escapes for these alone. */
function hasLoneSurrogate(value: unknown): boolean {
  return /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(JSON.stringify(value) ?? '');
}

/** Adds where keys stand that stood before. The parser's own search compares every key with every other. */
function addRepeatedKeys({ items }: YAMLMap, repeated: number[]): void {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) continue;
    if (seen.has(key.value)) repeated.push(key.range?.[0] ?? 0);
    seen.add(key.value);
  }
}

const SURROGATE = /\\u[dD][89a-fA-F]/;
/** Every escape, so that a backslash that is escaped itself begins none; a pair of surrogates is one. */
const ESCAPES = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[dD][89a-fA-F][\da-fA-F]{2}|[^])/g;

/** Half a surrogate pair is no character: it becomes U+FFFD, as in Go. */
function withoutLoneSurrogates(text: string): string {
  return text.replace(ESCAPES, (escape) => (escape.length === 6 ? '\\ufffd' : escape));
}

const NO_VISITOR = { key: () => undefined, objectStart: () => undefined, objectEnd: () => undefined };

/** Throws when `value` has more levels than `left`; a frame a level, so that it ends before the stack does. */
function boundDepth(value: unknown, left: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`json: unsupported value: ${value}`);
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw new Error(DEPTH_ERROR);
  if (Array.isArray(value)) {
    for (const item of value) boundDepth(item, left - 1);
    return;
  }
  for (const key in value) boundDepth((value as Record<string, unknown>)[key], left - 1);
}

/** Whether the text has more keys than its value; cheaper than looking for them. */
function mayRepeatKeys(text: string): boolean {
  try {
    return countKeys(JSON.parse(text)) !== countKeysIn(text);
  } catch {
    return false;
  }
}

/** Keys in a text that is JSON. */
function countKeysIn(text: string): number {
  let keys = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    at = endOfString(text, at);
    if (at < 0) return keys;
    let next = at + 1;
    while (text.charCodeAt(next) <= 0x20) next++;
    if (text.charCodeAt(next) === 0x3a) keys++;
  }
  return keys;
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key in value) count += 1 + countKeys((value as Record<string, unknown>)[key]);
  return count;
}

function formatPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

function parseYaml(text: string, lineCounter: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, {
      version: '1.1',
      merge: true,
      uniqueKeys: false,
      logLevel: 'silent',
      lineCounter,
      customTags,
    });
  } catch (error) {
    throw new Error(error instanceof RangeError ? DEPTH_ERROR : `yaml: ${(error as Error).message}`, { cause: error });
  }
}

/** Tags that go-yaml does not resolve: times, base 60, and the collections that JSON does not have. */
function customTags(tags: Tags): Tags {
  const foreign = ['timestamp', 'binary', 'omap', 'pairs', 'set'].map((name) => `tag:yaml.org,2002:${name}`);
  return tags.filter(
    (tag) => typeof tag === 'string' || (!foreign.includes(tag.tag) && (!('format' in tag) || tag.format !== 'TIME')),
  );
}

function toPlain(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
  } catch (error) {
    if (error instanceof RangeError) throw new Error(DEPTH_ERROR, { cause: error });
    throw new Error('yaml: document contains excessive aliasing', { cause: error });
  }
}

/** The key that begins at `at`, quoted. */
function keyAt(text: string, at: number): string {
  const key = /^[^\n]*?(?=\s*:(?:\s|$))/m.exec(text.slice(at, at + 256))?.[0] ?? '';
  return key.startsWith('"') ? key : JSON.stringify(key);
}
