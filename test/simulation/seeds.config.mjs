// Seeds 61 to 1000, which `npm run test:all` runs with what time the suites on clusters leave.
import base from '../../jest.config.mjs';

export default { ...base, rootDir: '../..', testMatch: ['<rootDir>/test/simulation/seeds/*.ts'] };
