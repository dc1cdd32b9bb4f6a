// Unit and integration tests run from the sources; end-to-end tests (test/e2e) are driven by `bin/test.mjs`.
// Suites that take more than about 20 seconds are named *.long.test.ts; they run with NOCHER_TEST_LONG=1, alone, or
// when they are named.
const runsLong = process.env.NOCHER_TEST_LONG === '1' || process.argv.some((argument) => argument.includes('.long'));
export const tests = runsLong ? '*.long.test.ts' : '!(*.long).test.ts';

export default {
  testEnvironment: 'node',
  // A worker for each file: what one file's end takes from Node's own modules (jest's clean-up), the next still needs.
  workerIdleMemoryLimit: '1MB',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  testMatch: [`<rootDir>/**/${tests}`],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '<rootDir>/test/e2e/', '<rootDir>/test/conformance/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  maxWorkers: 2,
  // What hangs; a busy machine takes its time.
  testTimeout: 30_000,
  globalSetup: '<rootDir>/test/generate-schema.mjs',
};
