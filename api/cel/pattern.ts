/** Patterns of users: RE2, which takes time by the lengths of text and pattern, whatever the pattern. */
import { RE2JS } from 're2js';
import { CelError } from './cel.ts';

/** Instructions of all patterns that are remembered: what bounds their memory. */
const MOST_INSTRUCTIONS = 200_000;
/** A pattern from an object may be as long as the object. */
const LONGEST_PATTERN = 100_000;

const patterns = new Map<string, RE2JS>();
let instructions = 0;

/** The pattern compiled, remembered for a while; throws CelError. */
export function compilePattern(text: string): RE2JS {
  const before = patterns.get(text);
  if (before !== undefined) {
    return before;
  }
  const compiled = compile(text);
  const size = compiled.programSize();
  if (instructions + size > MOST_INSTRUCTIONS) {
    patterns.clear();
    instructions = 0;
  }
  if (size <= MOST_INSTRUCTIONS) {
    patterns.set(text, compiled);
    instructions += size;
  }
  return compiled;
}

function compile(text: string): RE2JS {
  if (text.length > LONGEST_PATTERN) {
    throw new CelError(`pattern exceeds maximum length (${LONGEST_PATTERN})`);
  }
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}
