// End-to-end tests: real clusters, real kubectl. Run through bin/test.mjs, which builds and fetches what they need.
import base, { tests } from '../../jest.config.mjs';

export default {
  ...base,
  rootDir: '../..',
  testMatch: [`<rootDir>/test/e2e/**/${tests}`, `<rootDir>/test/conformance/**/${tests}`],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 120_000,
  // Some of them wait for a kubelet's or a container's time to pass, which the others use.
  maxWorkers: 3,
};
