import { expect, it } from '@jest/globals';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { isToGrow } from './expand.ts';

type Status = NonNullable<PersistentVolumeClaim['status']>;

it.each<[string, Status, boolean]>([
  ['a claim that has less', { phase: 'Bound', capacity: { storage: '1Gi' } }, true],
  ['a claim that has it', { phase: 'Bound', capacity: { storage: '2Gi' } }, false],
  ['a claim that is not bound', { phase: 'Pending' }, false],
  [
    'a claim that somebody is at',
    { phase: 'Bound', capacity: { storage: '1Gi' }, conditions: [{ type: 'Resizing', status: 'True' }] },
    false,
  ],
])('isToGrow() of %s', (_what, status, expected) => {
  expect(isToGrow({ metadata: {}, spec: { resources: { requests: { storage: '2Gi' } } }, status })).toBe(expected);
});
