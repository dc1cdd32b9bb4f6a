import { describe, expect, it } from '@jest/globals';
import { compilePattern, matchesPattern } from './pattern.ts';

describe('compilePattern()', () => {
  it('compiles a pattern once', () => {
    expect(compilePattern('^once$')).toBe(compilePattern('^once$'));
    expect(matchesPattern('b+', 'abba')).toBe(true);
    expect(matchesPattern('^b', 'abba')).toBe(false);
  });

  it('throws for what is no regular expression', () => {
    expect(() => compilePattern('a(')).toThrow(/missing closing \)/);
  });

  it('forgets what was used least when others are large', () => {
    const rare = compilePattern('^rare$');
    const often = compilePattern('^often$');
    for (let i = 0; i < 700; i++) {
      compilePattern(`^${i}(abcdefghij){100}$`);
      compilePattern('^often$');
    }
    expect(compilePattern('^often$')).toBe(often);
    expect(compilePattern('^rare$')).not.toBe(rare);
  });
});
