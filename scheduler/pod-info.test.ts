import { describe, expect, it } from '@jest/globals';
import type { PodSpec } from '../api/core/v1/pod.ts';
import { podOf } from './objects-for-tests.ts';
import { podInfoOf } from './pod-info.ts';

const MEBIBYTE = 1024 * 1024;

function container(name: string, requests?: Record<string, string>): PodSpec['containers'][number] {
  return { name, ...(requests === undefined ? {} : { resources: { requests } }) };
}

describe('podInfoOf()', () => {
  it.each<[string, Partial<PodSpec>, { cpu: number; memory: number; nonZeroCpu: number; nonZeroMemory: number }]>([
    ['asks for nothing', { containers: [container('a')] }, { cpu: 0, memory: 0, nonZeroCpu: 100, nonZeroMemory: 200 }],
    [
      'asks in one of two containers',
      { containers: [container('a', { cpu: '1', memory: '1Gi' }), container('b')] },
      { cpu: 1000, memory: 1024, nonZeroCpu: 1100, nonZeroMemory: 1224 },
    ],
    [
      'asks for zero',
      { containers: [container('a', { cpu: '0', memory: '10Mi' })] },
      { cpu: 0, memory: 10, nonZeroCpu: 0, nonZeroMemory: 10 },
    ],
    [
      'has a big init container and overhead',
      {
        containers: [container('a', { cpu: '100m' })],
        initContainers: [container('i', { cpu: '2' })],
        overhead: { cpu: '50m' },
      },
      { cpu: 2050, memory: 0, nonZeroCpu: 2050, nonZeroMemory: 200 },
    ],
  ])('works out what a pod requests that %s', (_name, spec, expected) => {
    const { requests, nonZero } = podInfoOf(podOf('p', { spec }));
    expect(requests.milliCpu).toBe(expected.cpu);
    expect(requests.memory).toBe(expected.memory * MEBIBYTE);
    expect(nonZero).toEqual({ milliCpu: expected.nonZeroCpu, memory: expected.nonZeroMemory * MEBIBYTE });
  });
});
