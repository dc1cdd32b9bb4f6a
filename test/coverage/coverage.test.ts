import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { coveragePage, idsOf, parsePairs, reasonAgainst, shownBy } from './coverage.ts';
import { ABSENT_BEHAVIOURS, ABSENT_FEATURES, PARTIAL_FEATURES } from './slice.ts';

const list = (name: string): [string, string][] => parsePairs(readFileSync(new URL(name, import.meta.url), 'utf8'));
const features = list('features.txt').map(([id, name]) => ({ id, name }));
const behaviours = list('conformance-v1.36.txt').map(([owner, name]) => ({ owner, name }));

describe('the lists', () => {
  it('hold every conformance behaviour of v1.36 once', () => {
    expect(behaviours).toHaveLength(446);
    expect(new Set(behaviours.map(({ name }) => name)).size).toBe(446);
  });

  it('have rules for rows that exist, each with one verdict', () => {
    const ids = new Set(features.map(({ id }) => id));
    const ruled = [...Object.keys(ABSENT_FEATURES), ...Object.keys(PARTIAL_FEATURES)];
    expect(ruled.filter((id) => !ids.has(id))).toEqual([]);
    expect(new Set(ruled).size).toBe(ruled.length);
  });

  it('have no rule that matches nothing', () => {
    const idle = ABSENT_BEHAVIOURS.filter(
      (rule) => !behaviours.some((one) => reasonAgainst(one) === rule.reason && rule.match.test(one.name)),
    );
    expect(idle.map(({ match }) => String(match))).toEqual([]);
  });
});

describe('shownBy()', () => {
  it('reads ids from titles', () => {
    expect(idsOf('lists in pages [A10] [walkthrough T2] [conformance: DNS, cluster #2] [note]')).toEqual([
      'A10',
      'walkthrough T2',
      'conformance: DNS, cluster #2',
    ]);
  });

  it('takes only tests that passed', () => {
    const shown = shownBy([
      { fullName: 'a [A1]', status: 'passed' },
      { fullName: 'a [A1]', status: 'passed' },
      { fullName: 'b [A2]', status: 'failed' },
      { fullName: 'c [A3]', status: 'pending' },
    ]);
    expect([...shown]).toEqual([['A1', ['a']]]);
  });
});

describe('coveragePage()', () => {
  const page = (tests: { fullName: string; status: string }[]): string =>
    coveragePage({ features, behaviours, tests }).markdown;

  it('shows a row by the tests that name it', () => {
    const text = page([{ fullName: 'GET a | b [A10] [conformance: ConfigMap Update]', status: 'passed' }]);
    expect(text).toMatch(/^\| A10 \|.*\| in \| GET a \\\| b \|$/m);
    expect(text).toContain('| node | ConfigMap Update | in | GET a \\| b |');
  });

  it('says why a row is not in the slice', () => {
    expect(page([])).toMatch(/^\| T9 \|.*\| out: the dashboard comes later \|\s+\|$/m);
    expect(page([])).toMatch(/^\| \S+ \| Conformance tests minimum \D+ \| out: one machine \|\s+\|$/m);
    expect(page([])).toMatch(/^\| W3 \|.*\| in \|\s+\|$/m);
  });

  it('is the same whatever the order of the tests', () => {
    const tests = ['x [A1]', 'y [A1]', 'z [walkthrough T9]', 'w [walkthrough T10]'].map((fullName) => ({
      fullName,
      status: 'passed',
    }));
    expect(page(tests)).toBe(page([...tests].reverse()));
  });

  it('names ids that are no row', () => {
    const tests = [
      {
        fullName: 'a [A99] [conformance: Nothing such] [walkthrough T31] [walkthrough T30] [walkthrough S7]',
        status: 'passed',
      },
    ];
    expect(coveragePage({ features, behaviours, tests }).unknownIds).toEqual([
      'A99',
      'conformance: Nothing such',
      'walkthrough T31',
    ]);
  });
});
