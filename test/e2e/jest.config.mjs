// End-to-end tests: real clusters, real kubectl. Run through bin/test.mjs, which builds and fetches what they need.
import base, { tests } from '../../jest.config.mjs';

export default {
  ...base,
  rootDir: '../..',
  testMatch: [`<rootDir>/test/e2e/**/${tests}`, `<rootDir>/test/conformance/**/${tests}`],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 120_000,
  maxWorkers: 2,
};
