import { describe, expect, it } from '@jest/globals';
// @ts-expect-error -- plain JavaScript, since it runs before anything is built
import { failedFiles, failures, withSecondAttempt } from './attempts.mjs';

const passed = (fullName: string) => ({ fullName, status: 'passed', failureMessages: [] });
const failed = (fullName: string, message: string) => ({ fullName, status: 'failed', failureMessages: [message] });
const file = (name: string, ...assertionResults: { status: string }[]) => ({
  name,
  message: '',
  status: assertionResults.some(({ status }) => status === 'failed') ? 'failed' : 'passed',
  assertionResults,
});
const broken = { name: 'c', message: '\u001b[31m\n  cannot parse\u001b[39m', status: 'failed', assertionResults: [] };

const first = {
  testResults: [file('a', passed('a one')), file('b', passed('b one'), failed('b two', '\nexpected 1\nwas 2')), broken],
};

describe('two attempts', () => {
  it('name the files that failed, or that could not run', () => {
    expect(failedFiles(first)).toEqual(['b', 'c']);
    expect(failures(first)).toEqual(['b two: expected 1', 'c: cannot parse']);
  });

  it('count what passed the second time', () => {
    const second = { testResults: [file('b', passed('b one'), passed('b two')), file('c', passed('c one'))] };
    expect(withSecondAttempt(first, second)).toMatchObject({
      numPassedTests: 4,
      numFailedTests: 0,
      numRuntimeErrorTestSuites: 0,
    });
  });

  it('count what failed both times', () => {
    const second = { testResults: [file('b', passed('b one'), failed('b two', 'again')), broken] };
    const both = withSecondAttempt(first, second);
    expect(both).toMatchObject({ numPassedTests: 2, numFailedTests: 1, numRuntimeErrorTestSuites: 1 });
    expect(failures(both)).toEqual(['b two: again', 'c: cannot parse']);
  });

  it('keep what failed when the second could not run', () => {
    expect(withSecondAttempt(first, { testResults: [] })).toMatchObject({
      numFailedTests: 1,
      numRuntimeErrorTestSuites: 1,
    });
  });
});
