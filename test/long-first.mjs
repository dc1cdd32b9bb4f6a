// The order of test files: the long suites first, so that none is left over when all else is done.
import { basename } from 'node:path';
import TestSequencer from '@jest/test-sequencer';

export default class LongFirst extends TestSequencer {
  /** Jest's order (failed, slow and large files first) within the long suites and within the others. */
  sort(tests) {
    const isLong = ({ path }) => basename(path).includes('.long.');
    const ordered = super.sort(tests);
    return [...ordered.filter(isLong), ...ordered.filter((test) => !isLong(test))];
  }
}
