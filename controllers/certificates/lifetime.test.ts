import { expect, it } from '@jest/globals';
import { certificateLifetime } from './lifetime.ts';
import { certificateUsages } from './usages.ts';

const MINUTE = 60_000;
const nowMs = 1_000_000_000_000;

it.each([
  [undefined, 365 * 24 * 60 - 5],
  [366 * 86_400, 365 * 24 * 60 - 5],
  [8 * 3600, 8 * 60 - 5],
  // What is short is as long as was asked for.
  [8 * 3600 - 60, 8 * 60 - 1],
  [600, 10],
  [1, 10],
])('of %j s is good for %j minutes from now, and since five minutes ago', (seconds, minutes) => {
  expect(certificateLifetime(seconds, nowMs)).toEqual({
    notBeforeMs: nowMs - 5 * MINUTE,
    notAfterMs: nowMs + minutes * MINUTE,
  });
});

it('knows usages in the order of certificates, and each once', () => {
  expect(certificateUsages(['s/mime', 'client auth', 'signing', 'email protection', 'digital signature'])).toEqual({
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.4'],
  });
  expect(() => certificateUsages(['client auth', 'flying'])).toThrow('unrecognized usage values: ["flying"]');
});
