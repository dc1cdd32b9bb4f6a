/** The numbers are those of upstream's `horizontal_test.go`. */
import { describe, expect, it } from '@jest/globals';
import type { Behavior, ScalingRules } from '../../api/autoscaling/v2/types.ts';
import { defaultBehavior } from '../../api/autoscaling/v2/defaults.ts';
import { normalize, withScaleEvent } from './behavior.ts';
import type { Request } from './behavior.ts';
import type { History, ScaleEvent } from './history.ts';
import { newHistory } from './history.ts';
import { NOW_MS } from './testing.ts';

const NOTHING: History = { recommendations: [], ups: [], downs: [] };
const MINUTE_MS = 60_000;

/** Behaviour as the server completes it. */
function behavior(scaleUp?: ScalingRules, scaleDown?: ScalingRules): Behavior {
  const all: Behavior = { ...(scaleUp && { scaleUp }), ...(scaleDown && { scaleDown }) };
  defaultBehavior(all);
  return all;
}

interface Policies {
  pods?: [value: number, periodSeconds: number];
  percent?: [value: number, periodSeconds: number];
  select?: string;
  window?: number;
}

function rules({ pods, percent, select = 'Max', window = 0 }: Policies): ScalingRules {
  const policies = [
    ...(pods ? [{ type: 'Pods', value: pods[0], periodSeconds: pods[1] }] : []),
    ...(percent ? [{ type: 'Percent', value: percent[0], periodSeconds: percent[1] }] : []),
  ];
  return { selectPolicy: select, policies, stabilizationWindowSeconds: window };
}

/** Spread evenly over the last two minutes (`generateEventsUniformDistribution`). */
function spread(changes: readonly number[]): ScaleEvent[] {
  const segment = 120 / changes.length;
  return changes.map((change, i) => ({
    change,
    atMs: NOW_MS - Math.trunc(120 - segment * (i + 1) + segment / 2) * 1000,
  }));
}

type Sizes = [current: number, desired: number, min: number, max: number];

function ask([currentReplicas, desiredReplicas, minReplicas, maxReplicas]: Sizes, more?: Behavior): Request {
  return { currentReplicas, desiredReplicas, minReplicas, maxReplicas, behavior: more, nowMs: NOW_MS };
}

function limited(request: Request, history: History = NOTHING): [number, string] {
  const { replicas, limited: condition } = normalize(request, history);
  return [replicas, condition.reason];
}

describe('normalize() without behaviour', () => {
  it.each<[Sizes, number, string]>([
    [[5, 7, 3, 8], 7, 'DesiredWithinRange'],
    [[3, 1, 2, 8], 2, 'TooFewReplicas'],
    [[1, 0, 0, 10], 0, 'DesiredWithinRange'],
    [[20, 1000, 1, 10], 10, 'TooManyReplicas'],
    [[3, 1000, 1, 2000], 6, 'ScaleUpLimit'],
    [[1, 1000, 1, 2000], 4, 'ScaleUpLimit'],
  ])('limits %j to %d: %s', (sizes, replicas, reason) => {
    expect(limited(ask(sizes))).toEqual([replicas, reason]);
  });

  it.each<[string, [replicas: number, minutesAgo: number][], number, string]>([
    ['nothing is known', [], 3, 'ReadyForNewScale'],
    [
      'there was more',
      [
        [4, 2],
        [5, 1],
      ],
      5,
      'ScaleDownStabilized',
    ],
    [
      'there was less',
      [
        [1, 2],
        [2, 1],
      ],
      3,
      'ReadyForNewScale',
    ],
    [
      'there was more long ago',
      [
        [10, 10],
        [9, 9],
      ],
      3,
      'ReadyForNewScale',
    ],
    [
      'there was more of late, and long ago',
      [
        [10, 10],
        [4, 1],
        [5, 2],
        [9, 9],
      ],
      5,
      'ScaleDownStabilized',
    ],
  ])('takes the highest of five minutes when %s', (_what, known, replicas, reason) => {
    const recommendations = known.map(([wanted, ago]) => ({ replicas: wanted, atMs: NOW_MS - ago * MINUTE_MS }));
    const found = normalize(ask([5, 3, 1, 10]), { ...NOTHING, recommendations });
    expect([found.replicas, found.able.reason]).toEqual([replicas, reason]);
    expect(found.history.recommendations.at(-1)).toEqual({ replicas: 3, atMs: NOW_MS });
    const isRecent = ({ atMs }: { atMs: number }): boolean => atMs >= NOW_MS - 5 * MINUTE_MS;
    expect(found.history.recommendations.every(isRecent)).toBe(true);
  });
});

describe('normalize() with policies', () => {
  it.each<[string, Sizes, { up?: Policies; down?: Policies }, number, string]>([
    ['within range', [5, 7, 3, 8], {}, 7, 'DesiredWithinRange'],
    ['too few', [3, 1, 2, 8], {}, 2, 'TooFewReplicas'],
    ['none at all', [1, 0, 0, 10], {}, 0, 'DesiredWithinRange'],
    ['too many', [100, 1000, 100, 150], {}, 150, 'TooManyReplicas'],
    ['one more at least', [3, 1000, 1, 2000], { up: { percent: [1, 60] } }, 4, 'ScaleUpLimit'],
    ['fewer by pods', [1000, 3, 3, 2000], { down: { pods: [20, 60] } }, 980, 'ScaleDownLimit'],
    ['twice as many', [10, 50, 1, 1000], {}, 20, 'ScaleUpLimit'],
    [
      'by pods, which are more',
      [10, 500, 1, 1000],
      { up: { pods: [100, 60], percent: [100, 60] } },
      110,
      'ScaleUpLimit',
    ],
    [
      'by per cent, which are more',
      [10, 500, 1, 1000],
      { up: { pods: [2, 60], percent: [100, 60] } },
      20,
      'ScaleUpLimit',
    ],
    ['all of it', [10, 50, 1, 1000], { up: { pods: [100, 60] } }, 50, 'DesiredWithinRange'],
    ['by pods alone', [10, 50, 1, 1000], { up: { pods: [30, 60] } }, 40, 'ScaleUpLimit'],
    ['by per cent alone', [10, 50, 1, 1000], { up: { percent: [200, 60] } }, 30, 'ScaleUpLimit'],
    ['by the least', [1, 50, 1, 1000], { up: { pods: [2, 60], percent: [50, 60], select: 'Min' } }, 2, 'ScaleUpLimit'],
    ['not at all', [10, 50, 1, 1000], { up: { pods: [30, 60], select: 'Disabled' } }, 10, 'ScaleUpLimit'],
    ['fewer by the most', [100, 2, 1, 1000], { down: { pods: [20, 60], percent: [1, 60] } }, 80, 'ScaleDownLimit'],
    [
      'fewer by pods, which are more',
      [100, 2, 1, 1000],
      { down: { pods: [2, 60], percent: [1, 60] } },
      98,
      'ScaleDownLimit',
    ],
    ['fewer down to the least', [10, 0, 1, 1000], { down: { pods: [100, 60] } }, 1, 'TooFewReplicas'],
    ['fewer, all but the least', [10, 2, 5, 1000], { down: { percent: [100, 60] } }, 5, 'TooFewReplicas'],
    ['fewer by half', [10, 5, 1, 1000], { down: { percent: [50, 60] } }, 5, 'DesiredWithinRange'],
    [
      'fewer by the least',
      [5, 0, 1, 10],
      { down: { pods: [2, 60], percent: [50, 60], select: 'Min' } },
      3,
      'ScaleDownLimit',
    ],
    ['none fewer', [10, 5, 1, 1000], { down: { pods: [2, 60], select: 'Disabled' } }, 10, 'ScaleDownLimit'],
  ])('%s', (_what, sizes, { up, down }, replicas, reason) => {
    expect(limited(ask(sizes, behavior(up && rules(up), rules(down ?? { percent: [100, 15] }))))).toEqual([
      replicas,
      reason,
    ]);
  });

  it.each<[string, Sizes, Policies, number[], number, string]>([
    ['at most', [100, 500, 1, 200], { pods: [300, 60] }, [1, 5, 9], 200, 'TooManyReplicas'],
    ['per cent at most', [100, 500, 1, 200], { percent: [10000, 60] }, [1, 5, 9], 200, 'TooManyReplicas'],
    ['none when more came already', [100, 500, 1, 1000], { pods: [5, 120] }, [1, 5, 9], 100, 'ScaleUpLimit'],
    ['less what came already', [100, 500, 1, 1000], { pods: [150, 120] }, [1, 5, 9], 235, 'ScaleUpLimit'],
    ['per cent of what was before', [100, 500, 1, 1000], { percent: [200, 120] }, [1, 5, 9], 255, 'ScaleUpLimit'],
    [
      'what the period does not reach does not count',
      [100, 500, 1, 1000],
      { pods: [150, 60] },
      [1, 5, 9],
      241,
      'ScaleUpLimit',
    ],
  ])('up after events: %s', (_what, sizes, up, events, replicas, reason) => {
    expect(limited(ask(sizes, behavior(rules(up))), { ...NOTHING, ups: spread(events) })).toEqual([replicas, reason]);
  });

  it.each<[string, Sizes, Policies, number[], number, string]>([
    ['without limits', [10, 5, 1, 1000], { percent: [100, 15] }, [1, 5, 9], 5, 'DesiredWithinRange'],
    ['to the least', [100, 0, 5, 1000], { pods: [130, 120] }, [1, 5, 9], 5, 'TooFewReplicas'],
    ['none when more went already', [100, 2, 1, 1000], { pods: [5, 120] }, [1, 5, 9], 100, 'ScaleDownLimit'],
    ['per cent of what was before', [100, 0, 1, 1000], { percent: [50, 120] }, [2, 4, 6], 56, 'ScaleDownLimit'],
    ['none by per cent', [100, 0, 1, 1000], { percent: [10, 120] }, [10, 10, 10], 100, 'ScaleDownLimit'],
    ['more than there are', [10, 5, 1, 1000], { percent: [1000, 120] }, [10, 10, 10], 5, 'DesiredWithinRange'],
  ])('down after events: %s', (_what, sizes, down, events, replicas, reason) => {
    const request = ask(sizes, behavior(undefined, rules(down)));
    expect(limited(request, { ...NOTHING, downs: spread(events) })).toEqual([replicas, reason]);
  });
});

describe('withScaleEvent()', () => {
  const up = behavior(rules({ pods: [10, 60], percent: [100, 60] }));
  const known = {
    ...NOTHING,
    ups: [
      { change: 7, atMs: NOW_MS - 61_000 },
      { change: 6, atMs: NOW_MS - 59_000 },
    ],
  };
  const event = { from: 5, to: 10, nowMs: NOW_MS };

  it('keeps what policies look back at', () => {
    const { ups, downs } = withScaleEvent(known, { ...event, behavior: up });
    expect(ups).toEqual([
      { change: 6, atMs: NOW_MS - 59_000 },
      { change: 5, atMs: NOW_MS },
    ]);
    expect(downs).toEqual([]);
    expect(withScaleEvent(NOTHING, { ...event, to: 2, behavior: up }).downs).toEqual([{ change: 3, atMs: NOW_MS }]);
  });

  it('keeps nothing where there are no policies', () => {
    expect(withScaleEvent(known, { ...event, behavior: undefined })).toBe(known);
  });
});

describe('over time', () => {
  /** What is applied every 15 s when the metrics ask for this much. */
  function course(wanted: readonly number[], first: number, more?: Behavior): number[] {
    let current = first;
    let history = newHistory(first, NOW_MS);
    return wanted.map((desired, i) => {
      const nowMs = NOW_MS + (i + 1) * 15_000;
      const found = normalize({ ...ask([current, desired, 1, 100], more), nowMs }, history);
      const change = { behavior: more, from: current, to: found.replicas, nowMs };
      history = withScaleEvent(found.history, change);
      current = found.replicas;
      return current;
    });
  }
  const steady = (count: number, replicas: number): number[] => Array.from({ length: count }, () => replicas);

  it('goes up at once, and down when five minutes have asked for less', () => {
    expect(course([10, 10, ...steady(24, 2)], 5)).toEqual([10, 10, ...steady(20, 10), ...steady(4, 2)]);
  });

  it('waits with both where the author says so', () => {
    const slow = behavior(rules({ percent: [900, 15], window: 60 }), rules({ percent: [100, 15], window: 30 }));
    // Four looks in a row ask for more before there is more; two ask for fewer before there are fewer. What was asked
    // for at the very beginning of the window does not count.
    expect(course([9, 9, 9, 9, 9, 3, 3, 3], 4, slow)).toEqual([4, 4, 4, 9, 9, 9, 3, 3]);
    // What asks for a moment changes nothing.
    expect(course([4, 9, 4, 1, 4, 4], 4, slow)).toEqual(steady(6, 4));
  });

  it('goes by steps where policies say so', () => {
    const steps = behavior(rules({ pods: [2, 30] }), rules({ pods: [1, 30] }));
    expect(course(steady(6, 20), 4, steps)).toEqual([6, 6, 8, 8, 10, 10]);
    expect(course(steady(6, 1), 4, steps)).toEqual([3, 3, 2, 2, 1, 1]);
  });
});
