/** The numbers are those of upstream's `replica_calculator_test.go`. */
import { describe, expect, it } from '@jest/globals';
import {
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
} from './replica-calculator.ts';
import type { Situation } from './replica-calculator.ts';
import type { TestPod } from './testing.ts';
import { TEST_TIMES, testMetrics, testPods, TOLERANCES } from './testing.ts';

const READY: TestPod = {};
const UNREADY: TestPod = { isReady: false };
const HOT: TestPod = { startedSeconds: 30 };
const COOL: TestPod = { startedSeconds: 180 };
const FAILED: TestPod = { isReady: false, phase: 'Failed' };
const GOING: TestPod = { isReady: false, isDeleted: true };
const PENDING: TestPod = { isReady: false, phase: 'Pending' };

const many = (count: number, pod: TestPod = READY): TestPod[] => Array.from({ length: count }, () => pod);

function situation(currentReplicas: number, pods: readonly TestPod[]): Situation {
  return { currentReplicas, tolerances: TOLERANCES, pods: testPods(pods), times: TEST_TIMES };
}

/** Levels are of each of a pod's two containers, or of one when the target is one container. */
function utilization(current: number, pods: readonly TestPod[], [target, levels]: [number, number[]], container = '') {
  const metrics = testMetrics(levels.map((level) => (container === '' ? 2 * level : level)));
  const found = replicasForUtilization(situation(current, pods), {
    resource: 'cpu',
    container,
    percent: target,
    metrics,
  });
  return [found.replicas, found.percent, found.usage];
}

describe('replicasForUtilization()', () => {
  it.each<[string, number, TestPod[], [number, number[]], [number, number, number]]>([
    ['more', 3, many(3), [30, [300, 500, 700]], [5, 50, 1000]],
    ['fewer', 5, many(5), [50, [100, 300, 500, 250, 250]], [3, 28, 560]],
    ['less more while one is unready', 3, [UNREADY, READY, READY], [30, [300, 500, 700]], [4, 60, 1200]],
    ['less more while one is hot', 3, [HOT, COOL, COOL], [30, [300, 500, 700]], [4, 60, 1200]],
    ['none while two are unready', 3, [READY, UNREADY, UNREADY], [30, [400, 500, 700]], [3, 40, 800]],
    [
      'none while two are unready and hot',
      3,
      [COOL, { ...HOT, ...UNREADY }, { ...HOT, ...UNREADY }],
      [30, [400, 500, 700]],
      [3, 40, 800],
    ],
    ['more, whatever failed', 2, [READY, READY, FAILED, FAILED], [30, [500, 700]], [4, 60, 1200]],
    ['more, whatever is going', 2, [READY, READY, GOING, GOING], [30, [500, 700]], [4, 60, 1200]],
    [
      'fewer, without the unready',
      5,
      [READY, READY, READY, UNREADY, UNREADY],
      [50, [100, 300, 500, 250, 250]],
      [2, 30, 600],
    ],
    ['fewer, without those that wait for a node', 5, [READY, ...many(4, PENDING)], [50, [100]], [1, 10, 200]],
    ['fewer, without the hot', 5, [COOL, COOL, COOL, HOT, HOT], [50, [100, 300, 500, 250, 250]], [2, 30, 600]],
    ['fewer, whatever failed', 5, [...many(5), FAILED, FAILED], [50, [100, 300, 500, 250, 250]], [3, 28, 560]],
    ['fewer, whatever is going', 5, [...many(5), GOING, GOING], [50, [100, 300, 500, 250, 250]], [3, 28, 560]],
    [
      'none within the tolerance',
      3,
      [{ cpu: '0.9' }, { cpu: '1.0' }, { cpu: '1.1' }],
      [100, [1010, 1030, 1020]],
      [3, 102, 2040],
    ],
    ['by known pods only', 4, many(4), [100, [4000, 9500, 3000, 7000, 3200, 2000]], [24, 587, 11750]],
    ['fewer, with those that are not measured at full use', 4, many(4), [100, [400, 95]], [3, 24, 495]],
    ['none when the measured one is as wanted', 2, many(2), [100, [1000]], [2, 100, 2000]],
    ['none when the other one turns more into fewer', 2, many(2), [100, [1900]], [2, 190, 3800]],
    ['none when the other one turns fewer into none', 2, many(2), [100, [600]], [2, 60, 1200]],
    ['none with one unready and one not measured', 3, [UNREADY, READY, READY], [50, [100, 450]], [3, 45, 900]],
    ['none with one hot and one not measured', 3, [HOT, COOL, COOL], [50, [100, 450]], [3, 45, 900]],
    ['more with one unready and one not measured', 3, [UNREADY, READY, READY], [50, [100, 2000]], [4, 200, 4000]],
    ['fewer with one unready and one not measured', 4, [UNREADY, ...many(3)], [50, [100, 100, 100]], [3, 10, 200]],
    [
      'fewer, with those that are not measured at the target when that is over 100',
      4,
      [UNREADY, READY, { cpu: '2' }, { cpu: '2' }],
      [300, [200, 100, 100]],
      [2, 6, 200],
    ],
    ['none that is against the direction, while pods are replaced', 2, many(3), [50, [100, 100]], [2, 10, 200]],
  ])('%s', (_what, current, pods, [target, levels], expected) => {
    expect(utilization(current, pods, [target, levels])).toEqual(expected);
  });

  it('looks at one container where that is asked', () => {
    expect(utilization(3, many(3), [30, [300, 500, 700]], 'container2')).toEqual([5, 50, 500]);
    expect(utilization(5, many(5), [50, [100, 300, 500, 250, 250]], 'container2')).toEqual([3, 28, 280]);
    const pods = [COOL, COOL, COOL, HOT, HOT];
    expect(utilization(5, pods, [50, [100, 300, 500, 1000, 1000]], 'container2')).toEqual([2, 30, 300]);
  });

  it('takes more than 10 % either way for a change, or what the author says', () => {
    const requests = [400, 200, 310, 290, 302, 298, 301, 299, 300, 300].map((milli) => ({ cpu: `${milli}m` }));
    const levels = Array.from({ length: 10 }, () => 150);
    expect(utilization(10, requests, [56, levels])).toEqual([9, 50, 300]);
    expect(utilization(10, requests, [55, levels])).toEqual([10, 50, 300]);
    expect(utilization(10, requests, [47, levels])).toEqual([10, 50, 300]);
    const metrics = testMetrics(levels.map((level) => 2 * level));
    const strict = { ...situation(10, requests), tolerances: { up: 0.05, down: 0.1 } };
    const target = { resource: 'cpu', container: '', percent: 47, metrics };
    expect(replicasForUtilization(strict, target).replicas).toBe(11);
  });

  it.each<[string, number, TestPod[], number[], string]>([
    ['there are no pods', 1, [], [100], 'no pods returned by selector while calculating replica count'],
    ['none is measured', 1, [READY], [], 'did not receive metrics for targeted pods (pods might be unready)'],
    ['all are unready', 1, [UNREADY], [100], 'did not receive metrics for targeted pods (pods might be unready)'],
    [
      'nothing is asked for',
      1,
      [{ cpu: '' }],
      [200],
      'missing request for cpu in container container1 of Pod test-pod-0',
    ],
  ])('says so when %s', (_what, current, pods, levels, message) => {
    expect(() => utilization(current, pods, [100, levels])).toThrow(message);
  });

  it('says so when what is measured are other pods, or other containers', () => {
    const metrics = new Map([['an-older-pod-name', { value: 100, timestampMs: 0, windowMs: 0 }]]);
    const target = { resource: 'cpu', container: '', percent: 100, metrics };
    expect(() => replicasForUtilization(situation(1, [READY]), target)).toThrow(
      'no metrics returned matched known pods',
    );
    expect(() => utilization(1, [READY], [100, [100]], 'other')).toThrow('container other not found in Pod test-pod-0');
  });

  it('takes what the pod asks for as a whole, where it does', () => {
    const [pod] = testPods([READY]);
    pod!.spec.resources = { requests: { cpu: '500m' } };
    const metrics = testMetrics([400]);
    const where = { ...situation(1, [READY]), pods: [pod!] };
    expect(replicasForUtilization(where, { resource: 'cpu', container: '', percent: 40, metrics })).toEqual({
      replicas: 2,
      percent: 80,
      usage: 400,
    });
    expect(
      replicasForUtilization(where, { resource: 'cpu', container: 'container1', percent: 40, metrics }).percent,
    ).toBe(40);
  });
});

describe('replicasForAverage()', () => {
  it.each<[string, number, TestPod[], [number, number[]], [number, number]]>([
    ['more', 3, many(3), [15000, [20000, 10000, 30000]], [4, 20000]],
    ['more, hot or unready', 3, [COOL, COOL, { ...HOT, ...UNREADY }], [15000, [50000, 10000, 30000]], [6, 30000]],
    [
      'more, with two hot and unready',
      3,
      [{ ...HOT, ...UNREADY }, COOL, { ...HOT, ...UNREADY }],
      [15000, [50000, 15000, 30000]],
      [7, 31666],
    ],
    ['fewer', 5, many(5), [20000, [12000, 12000, 12000, 12000, 12000]], [3, 12000]],
    ['none within the tolerance', 3, many(3), [20000, [20000, 21000, 21000]], [3, 20666]],
    ['none when the measured ones are as wanted', 5, many(5), [20000, [20000, 19000, 21000]], [5, 20000]],
    ['none against the direction, while pods are replaced', 2, many(3), [17000, [10000, 10000]], [2, 10000]],
  ])('%s', (_what, current, pods, [value, levels], [replicas, usage]) => {
    const target = { resource: '', value, metrics: testMetrics(levels) };
    expect(replicasForAverage(situation(current, pods), target)).toEqual({ replicas, usage });
  });
});

describe('replicasForValue()', () => {
  it.each<[string, number, TestPod[], { value: number; usage: number }, number]>([
    ['more', 3, many(3), { value: 15000, usage: 20000 }, 4],
    ['more of those that are ready', 3, [UNREADY, READY, UNREADY], { value: 10000, usage: 50000 }, 5],
    ['fewer of those that are ready', 3, [UNREADY, READY, UNREADY], { value: 4400, usage: 8600 }, 2],
    ['fewer', 5, many(5), { value: 20000, usage: 12000 }, 3],
    ['fewer by little', 5, many(5), { value: 14334, usage: 8600 }, 3],
    ['none within the tolerance', 3, many(3), { value: 20000, usage: 20666 }, 3],
    ['none within the tolerance downwards', 3, many(3), { value: 8888, usage: 8600 }, 3],
    ['some where there is none', 0, [], { value: 1000, usage: 2500 }, 3],
    ['none where there is none and nothing is used', 0, [], { value: 1000, usage: 0 }, 0],
    ['no more than there are numbers for', 3, many(3), { value: 1, usage: 1e300 }, 2 ** 31 - 1],
  ])('%s', (_what, current, pods, target, replicas) => {
    expect(replicasForValue(situation(current, pods), target)).toEqual({ replicas, usage: target.usage });
  });

  it('says so when there are no pods', () => {
    expect(() => replicasForValue(situation(1, []), { value: 1, usage: 5 })).toThrow(
      'unable to calculate ready pods: no pods returned by selector while calculating replica count',
    );
  });
});

describe('replicasForShare()', () => {
  it.each([
    [3, { value: 5000, usage: 20000 }, { replicas: 4, usage: 6667 }],
    [3, { value: 2150, usage: 8600 }, { replicas: 4, usage: 2867 }],
    [5, { value: 2000, usage: 6000 }, { replicas: 3, usage: 1200 }],
    [5, { value: 2867, usage: 8600 }, { replicas: 3, usage: 1720 }],
    [4, { value: 5000, usage: 20166 }, { replicas: 4, usage: 5042 }],
    [3, { value: 2900, usage: 8600 }, { replicas: 3, usage: 2867 }],
    [0, { value: 1000, usage: 2500 }, { replicas: 3, usage: 2500 }],
  ])('of %d replicas, for %j', (statusReplicas, target, expected) => {
    expect(replicasForShare({ statusReplicas, tolerances: TOLERANCES }, target)).toEqual(expected);
  });
});
