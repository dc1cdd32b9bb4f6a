import { describe, expect, it } from '@jest/globals';
import { parseLabelSelector } from './label-selector.ts';

describe('parseLabelSelector()', () => {
  const labels = { tier: 'web', rank: '3' };

  it.each([
    ['', true],
    ['tier', true],
    ['!tier', false],
    ['!nosuch', true],
    ['tier=web', true],
    ['tier==web,rank!=4', true],
    ['tier in (web,db)', true],
    ['tier notin (web)', false],
    ['nosuch notin (a)', true],
    ['nosuch!=a', true],
    ['rank>2', true],
    ['rank<3', false],
    ['tier=', false],
  ])('%j', (text, matches) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(matches);
  });

  it.each([
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a=b,', "found '', expected: identifier after ','"],
    ['a=b,,', "found ',', expected: identifier after ','"],
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a in', "unable to parse requirement: found '' expected: '('"],
  ])('refuses %j', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(new Error(message));
  });
});
