/**
 * How large a program RE2 makes of a pattern, before it makes it: `(a{30}){30}` is short to write and long to compile.
 * An estimate, never far below the truth.
 */

/** One definition's patterns together; a real one's make a few thousand. Compiling this much takes about a second. */
export const MAX_PATTERN_COST = 250_000;

export function patternCost(pattern: string): number {
  /** Costs of the groups that are open, the innermost last, without that of the latest atom. */
  const open = [0];
  let atom = 0;
  const add = (cost: number): void => {
    open[open.length - 1]! += atom;
    atom = cost;
  };
  for (const [token] of pattern.matchAll(TOKEN)) {
    if (token === '(') {
      add(0);
      open.push(2);
    } else if (token === ')') {
      add(0);
      // One that closes nothing does not compile.
      const group = open.length > 1 ? open.pop()! : 0;
      atom = group;
    } else if (token.startsWith('{') && token.length > 1) {
      atom *= timesOf(token);
    } else add(1);
  }
  return open.reduce((sum, cost) => sum + cost, atom);
}

/** An escape, a class (one that does not end goes on to the end), a count, or one character. */
const TOKEN = /\\[^]|\[\^?\]?(?:[^\\\]]|\\[^])*\]?|\{\d{1,4}(?:,\d{0,4})?\}|[^]/g;

function timesOf(count: string): number {
  const [low = '', high = ''] = count.slice(1, -1).split(',');
  return Math.max(Number(low) + 1, Number(high), 1);
}
