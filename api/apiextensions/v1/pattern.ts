/** Patterns that users write: RE2, which no input can make slow. Compiled once, the least used forgotten. */
import { RE2JS } from 're2js';

const MAX_KEPT = 2000;
const kept = new Map<string, RE2JS>();

/** Throws an `Error` when the text is no regular expression. */
export function compilePattern(pattern: string): RE2JS {
  let compiled = kept.get(pattern);
  if (compiled !== undefined) {
    kept.delete(pattern);
  } else compiled = RE2JS.compile(pattern);
  kept.set(pattern, compiled);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
  return compiled;
}

/** Whether the pattern matches anywhere in the text. */
export function matchesPattern(pattern: string, text: string): boolean {
  return compilePattern(pattern).matcher(text).find();
}
