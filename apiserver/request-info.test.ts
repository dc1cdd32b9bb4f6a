/** What is read from the paths of requests, also from those that nobody sends in good faith. */
import { describe, expect, it } from '@jest/globals';
import { requestInfoOf, trimSlashes } from './request-info.ts';

const NO_QUERY = new URLSearchParams();

describe('trimSlashes()', () => {
  it.each([
    ['/a/b/', 'a/b', '/a/b'],
    ['//a//b//', 'a//b', '//a//b'],
    ['a', 'a', 'a'],
    ['///', '', ''],
    ['', '', ''],
  ])('takes the slashes off %s', (path, both, end) => {
    expect([trimSlashes(path), trimSlashes(path, 'end')]).toEqual([both, end]);
  });
});

describe('requestInfoOf()', () => {
  it('reads a path of a million slashes as quickly as any other', () => {
    // A look at every slash from every other would take hours.
    const { parts } = requestInfoOf('GET', `/api/v1/pods${'/'.repeat(1_000_000)}x`, NO_QUERY);
    expect(parts).toHaveLength(1_000_001);
  });

  it('keeps what an encoded slash belongs to', () => {
    expect(requestInfoOf('GET', '/api/v1/namespaces/a/pods/b%2Fc/proxy/d/', NO_QUERY)).toMatchObject({
      namespace: 'a',
      resource: 'pods',
      name: 'b/c',
      subresource: 'proxy',
      parts: ['pods', 'b/c', 'proxy', 'd'],
    });
  });
});
