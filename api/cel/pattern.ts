/** Patterns of users: RE2, which takes linear time whatever the pattern. */
import { RE2JS } from 're2js';
import { CelError } from './cel.ts';

const MOST_PATTERNS = 500;
const patterns = new Map<string, RE2JS>();

/** The pattern compiled, remembered for a while; throws CelError. */
export function compilePattern(text: string): RE2JS {
  const before = patterns.get(text);
  if (before !== undefined) {
    return before;
  }
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(text);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
  if (patterns.size >= MOST_PATTERNS) {
    patterns.clear();
  }
  patterns.set(text, compiled);
  return compiled;
}
