// Reports of jest: which files failed, and one report of two attempts. A file that passes at its second attempt counts
// as passed, and is named with what it failed on: docs/decisions/0012.

/** Paths of the files of a report in which a test failed, or that could not run at all. */
export function failedFiles({ testResults }) {
  return testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);
}

/** What failed, one line each: a test's full name and the first line of its message. */
export function failures({ testResults }) {
  return testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      if (failed.length === 0) return [`${name}: ${firstLine(message)}`];
      return failed.map(({ fullName, failureMessages }) => `${fullName}: ${firstLine(failureMessages[0])}`);
    });
}

/** The first report with the results of the second in the place of those files that the second ran. */
export function withSecondAttempt(first, second) {
  const again = new Map(second.testResults.map((result) => [result.name, result]));
  return withCounts(first.testResults.map((result) => again.get(result.name) ?? result));
}

function withCounts(testResults) {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (wanted) => tests.filter(({ status }) => status === wanted).length;
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  );
  return {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending'),
    numRuntimeErrorTestSuites: brokenFiles.length,
    testResults,
  };
}

function firstLine(message = '') {
  // eslint-disable-next-line no-control-regex -- colours of a terminal
  const plain = message.replace(/\u001b\[\d+m/g, '').trim();
  return plain.split('\n').find((line) => line.trim() !== '') ?? 'no message';
}
