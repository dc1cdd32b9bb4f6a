/** Patterns of expressions, whose texts may come from an object. */
import type { RE2JS } from 're2js';
import * as patterns from '../machinery/pattern.ts';
import { CelError } from './cel.ts';

/** A pattern from an object may be as long as the object. */
const LONGEST_PATTERN = 100_000;

/** The pattern compiled, remembered for a while; throws CelError. */
export function compilePattern(text: string): RE2JS {
  if (text.length > LONGEST_PATTERN) {
    throw new CelError(`pattern exceeds maximum length (${LONGEST_PATTERN})`);
  }
  try {
    return patterns.compilePattern(text);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}
