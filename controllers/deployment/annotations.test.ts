import { expect, it } from '@jest/globals';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { DESIRED_REPLICAS, readNumber } from './annotations.ts';

it.each([
  ['3', 3],
  ['+3', 3],
  ['-1', -1],
  ['', undefined],
  ['0x4', undefined],
  ['1e1', undefined],
  [' 3', undefined],
  ['99999999999', undefined],
  [undefined, undefined],
])('the annotation %j is the number %j, as to Go', (text, expected) => {
  const set = { metadata: { annotations: text === undefined ? {} : { [DESIRED_REPLICAS]: text } } };
  expect(readNumber(set as unknown as ReplicaSet, DESIRED_REPLICAS)).toBe(expected);
});
