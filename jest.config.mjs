// Unit and integration tests run from the sources; end-to-end tests (test/e2e) are driven by `bin/test.mjs`.
// Suites that take more than about ten seconds are named *.long.test.ts; they run with NOCHER_TEST_LONG=1, before the
// others, or when they are named.
const runsLong = process.env.NOCHER_TEST_LONG === '1' || process.argv.some((argument) => argument.includes('.long'));
export const tests = runsLong ? '*.test.ts' : '!(*.long).test.ts';

export default {
  testEnvironment: '<rootDir>/test/environment.mjs',
  // What a file leaves on the globals goes with its context; to wrap each piece for a warning costs time.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  workerIdleMemoryLimit: '700MB',
  testSequencer: '<rootDir>/test/long-first.mjs',
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
