import { expect, it } from '@jest/globals';
import { testPod } from '../testing.ts';
import { checkSandbox } from './sandbox-config.ts';

it('makes no sandbox for a pod that wants users of its own, rather than one with those of the node', () => {
  expect(() => checkSandbox(testPod({ hostUsers: false }))).toThrow('runtime does not support user namespaces');
  expect(() => checkSandbox(testPod({ hostUsers: true }))).not.toThrow();
  expect(() => checkSandbox(testPod())).not.toThrow();
});
