// Unit and integration tests run from the sources; end-to-end tests (test/e2e) are driven by `bin/test.mjs`.
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
  testMatch: ['<rootDir>/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '<rootDir>/test/e2e/', '<rootDir>/test/conformance/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  maxWorkers: 2,
  // What hangs; a busy machine takes its time.
  testTimeout: 30_000,
  globalSetup: '<rootDir>/test/generate-schema.mjs',
};
