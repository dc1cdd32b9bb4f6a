/**
 * Reads the project's own files for the architecture rules: which there are, what each imports, and how much code it
 * holds. Knows nothing about the rules.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** A TypeScript file; `imports` are paths from the checkout's root, of our own files only. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const OUTSIDE = new Set(['node_modules', 'dist', '.git']);

/** Every file below `root` that belongs to the project, by path from `root`, sorted. */
export function listFiles(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !OUTSIDE.has(name))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? listFiles(root, path) : [path];
    })
    .sort();
}

/** Makes a source file from its path and text. */
export function parseSource(path: string, text: string): SourceFile {
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(path), name));
  return { path, text, imports: [...new Set(imports)] };
}

/** All TypeScript files of the project. */
export function readSources(root: string): SourceFile[] {
  return listFiles(root)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

/** The number of lines that hold code, not blank and not only comment. */
export function countCodeLines(text: string): number {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, true, ts.LanguageVariant.Standard, text);
  const starts = lineStarts(text);
  const lines = new Set<number>();
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    const last = lineOf(starts, scanner.getTokenEnd() - 1);
    for (let line = lineOf(starts, scanner.getTokenStart()); line <= last; line++) lines.add(line);
  }
  return lines.size;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineOf(starts: readonly number[], position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle]! <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Relative links of a Markdown text outside code, as written. */
export function relativeLinks(markdown: string): string[] {
  const prose = markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)]
    .map((match) => match[1]!)
    .filter((target) => !/^([a-z][a-z0-9+.-]*:|#)/i.test(target));
}

/** Whether `link`, written in `page`, leads to something below `root`. */
export function linkResolves(root: string, page: string, link: string): boolean {
  const target = posix.join(posix.dirname(page), decodeURIComponent(link.replace(/#.*$/, '')));
  return !target.startsWith('..') && existsSync(join(root, target));
}
