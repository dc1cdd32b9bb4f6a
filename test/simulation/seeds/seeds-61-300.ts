import { describe } from '@jest/globals';
import { testSeeds } from '../seed-suite.ts';

describe('the control plane on virtual time', () => {
  testSeeds(61, 300);
});
