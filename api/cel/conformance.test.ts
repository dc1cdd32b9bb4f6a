import { expect, it } from '@jest/globals';
import { tests } from '@bufbuild/cel-spec/testdata/conformance.js';
import { compareTypes, runConformance } from './conformance-fixture.ts';

/** Cases that fail and are known to, as `name: why`. */
const KNOWN: readonly string[] = [];
/** Of 2,344 cases; the rest are about protocol buffer messages, which Kubernetes does not have. */
const APPLYING = 1_625;

it('passes all of the public conformance cases that apply', () => {
  const outcomes = runConformance(tests);
  const applying = outcomes.filter(({ result }) => result !== 'not applicable');
  const failed = applying.filter(({ result }) => result === 'fail');
  expect(failed.map(({ name, detail }) => `${name}: ${detail}`)).toEqual(KNOWN);
  expect(applying).toHaveLength(APPLYING);
});

it('finds the types that cel-go finds', () => {
  const { compared, different } = compareTypes(tests);
  // Here cel-go differs from the case itself.
  expect(different).toEqual(['[optional.of(1), null][0]: optional_type(int), not null']);
  expect(compared).toBeGreaterThan(1_300);
});
