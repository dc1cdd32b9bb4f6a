import { describe, expect, it } from '@jest/globals';
import type { PullAccess, PullCredential } from './pull-access.ts';
import { credentialHash, matchingCredential, mergeAccess, withMatched } from './pull-access.ts';

const credential = (name: string, hash: string): PullCredential => ({ uid: name, namespace: 'a', name, hash });
const [one, two] = [credential('one', '1'), credential('two', '2')];

describe('matchingCredential()', () => {
  it.each([
    ['nothing', [], undefined],
    ['another', [two], undefined],
    ['the same', [two, one], one],
    ['the same in another Secret', [credential('copy', '1')], credential('copy', '1')],
    ['the same Secret with another', [credential('one', '3')], credential('one', '3')],
    ['a Secret of the same name that was made anew', [{ ...one, uid: 'new', hash: '3' }], undefined],
    ['one of the same name elsewhere', [{ ...one, namespace: 'b', hash: '3' }], undefined],
  ])('finds in %s', (_title, own, expected) => {
    expect(matchingCredential([one], own)).toEqual(expected);
  });
});

describe('mergeAccess()', () => {
  it.each<[PullAccess | undefined, PullAccess, PullAccess]>([
    [undefined, [one], [one]],
    [[one], [two], [one, two]],
    [[one], [credential('one', '3')], [credential('one', '3')]],
    [[one], 'every-pod', 'every-pod'],
    ['every-pod', [one], 'every-pod'],
  ])('makes of %j and %j %j', (known, added, expected) => {
    expect(mergeAccess(known, added)).toEqual(expected);
  });
});

describe('withMatched()', () => {
  it('grows to a bound, and not for what it has', () => {
    const known = Array.from({ length: 99 }, (_, i) => credential(`s${i}`, '1'));
    expect(withMatched(known, known[5]!)).toBe(known);
    const full = withMatched(known, one);
    expect(full).toHaveLength(100);
    expect(withMatched(full, credential('more', '1'))).toBe(full);
  });
});

describe('credentialHash()', () => {
  it('differs with every part, and tells none', () => {
    const auth = { username: 'u', password: 'p' };
    const hashes = [
      auth,
      { ...auth, password: 'q' },
      { ...auth, identityToken: 't' },
      { username: 'up', password: '' },
    ];
    expect(new Set(hashes.map(credentialHash)).size).toBe(4);
    expect(credentialHash(auth)).toMatch(/^[0-9a-f]{64}$/);
  });
});
