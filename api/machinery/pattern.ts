/** Patterns that users write: RE2, which takes time by the lengths of text and pattern, whatever the pattern. */
import { RE2JS } from 're2js';

/** Instructions of all patterns that are remembered: what bounds their memory. */
const MOST_INSTRUCTIONS = 500_000;

/** In the order of their last use. */
const kept = new Map<string, RE2JS>();
let instructions = 0;

/** The pattern compiled, remembered until others push it out. Throws an `Error` when the text is no regular expression. */
export function compilePattern(text: string): RE2JS {
  const known = kept.get(text);
  if (known !== undefined) {
    kept.delete(text);
    kept.set(text, known);
    return known;
  }
  const compiled = RE2JS.compile(text);
  const size = compiled.programSize();
  if (size > MOST_INSTRUCTIONS) return compiled;
  kept.set(text, compiled);
  instructions += size;
  for (const [oldest, pattern] of kept) {
    if (instructions <= MOST_INSTRUCTIONS) break;
    kept.delete(oldest);
    instructions -= pattern.programSize();
  }
  return compiled;
}

/** Whether the pattern matches anywhere in the text. */
export function matchesPattern(pattern: string, text: string): boolean {
  return compilePattern(pattern).matcher(text).find();
}
