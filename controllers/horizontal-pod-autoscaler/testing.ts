/** Pods and figures for the tests of autoscaling, as upstream's tests make them (`replica_calculator_test.go`). */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { formatTime } from '../../base/clock.ts';
import type { PodMetrics } from './metrics.ts';
import type { PodTimes } from './pod-groups.ts';

export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** With upstream's `defaultTestingCPUInitializationPeriod` and `defaultTestingDelayOfInitialReadinessStatus`. */
export const TEST_TIMES: PodTimes = { nowMs: NOW_MS, cpuInitializationMs: 120_000, initialReadinessMs: 10_000 };

export const TOLERANCES = { up: 0.1, down: 0.1 };

export interface TestPod {
  isReady?: boolean;
  phase?: string;
  isDeleted?: boolean;
  /** Seconds ago; its condition Ready is as old. Default: long ago. */
  startedSeconds?: number;
  /** Of each of its two containers. */
  cpu?: string;
}

const nameOf = (index: number): string => `test-pod-${index}`;

export function testPods(pods: readonly TestPod[], labels: Record<string, string> = {}): Pod[] {
  return pods.map(({ isReady = true, phase = 'Running', isDeleted = false, startedSeconds = 1e9, cpu = '1' }, i) => {
    const time = formatTime(NOW_MS - startedSeconds * 1000);
    const requests = cpu === '' ? {} : { cpu };
    return {
      metadata: {
        name: nameOf(i),
        namespace: 'default',
        labels,
        ...(isDeleted ? { deletionTimestamp: formatTime(NOW_MS) } : {}),
      },
      spec: { containers: ['container1', 'container2'].map((name) => ({ name, resources: { requests } })) },
      status: {
        phase,
        startTime: time,
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: time }],
      },
    } as Pod;
  });
}

/** One value a pod, measured now over a minute. */
export function testMetrics(values: readonly number[]): PodMetrics {
  return new Map(values.map((value, i) => [nameOf(i), { value, timestampMs: NOW_MS, windowMs: 60_000 }]));
}
