import { describe, expect, it } from '@jest/globals';
import { parseChallenges } from './registry-auth.ts';

describe('parseChallenges()', () => {
  it.each([
    [
      'Bearer realm="https://a/t",service="s"',
      [{ scheme: 'bearer', parameters: { realm: 'https://a/t', service: 's' } }],
    ],
    [
      'Basic realm="a \\"b\\", c", Bearer realm=x',
      [
        { scheme: 'basic', parameters: { realm: 'a "b", c' } },
        { scheme: 'bearer', parameters: { realm: 'x' } },
      ],
    ],
    ['Negotiate', [{ scheme: 'negotiate', parameters: {} }]],
    ['', []],
    ['="', []],
  ])('reads %j', (header, challenges) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });
});
