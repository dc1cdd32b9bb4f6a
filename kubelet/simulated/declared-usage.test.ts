import { expect, it } from '@jest/globals';
import { declaredUsageOf } from './declared-usage.ts';

it.each([
  [{}, { nanoCores: 1_000_000, memoryBytes: 1 << 20 }],
  [
    { 'nocher.io/simulated-cpu': '250m', 'nocher.io/simulated-memory': '64Mi' },
    { nanoCores: 250_000_000, memoryBytes: 64 << 20 },
  ],
  [
    { 'nocher.io/simulated-cpu': '1', 'nocher.io/simulated-cpu.web': '0' },
    { nanoCores: 0, memoryBytes: 1 << 20 },
  ],
  [
    { 'nocher.io/simulated-cpu': '-1', 'nocher.io/simulated-memory': 'much' },
    { nanoCores: 1_000_000, memoryBytes: 1 << 20 },
  ],
])('declaredUsageOf() reads %j', (annotations, usage) => {
  expect(declaredUsageOf('web', annotations as Record<string, string>)).toEqual(usage);
});
