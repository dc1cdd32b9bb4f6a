/**
 * From the replicas that the metrics ask for to those that there are to be: stabilization windows, policies, limits
 * (upstream: `horizontal.go`, `normalizeDesiredReplicas` and `normalizeDesiredReplicasWithBehaviors`). Pure.
 */
import type { Behavior, ScalingRules } from '../../api/autoscaling/v2/types.ts';
import type { History, ScaleEvent } from './history.ts';
import { changeWithin, remember } from './history.ts';

/** `--horizontal-pod-autoscaler-downscale-stabilization` */
const DOWNSCALE_SECONDS = 300;
const UP_LIMIT_FACTOR = 2;
const UP_LIMIT_MINIMUM = 4;
const MAX_INT32 = 2 ** 31 - 1;

export interface Request {
  currentReplicas: number;
  /** What the metrics ask for. */
  desiredReplicas: number;
  minReplicas: number;
  maxReplicas: number;
  behavior: Behavior | undefined;
  nowMs: number;
}

/** Why, in a condition's words. */
export interface Reason {
  reason: string;
  message: string;
}

export interface Normalized {
  replicas: number;
  /** Of the condition AbleToScale, which is True. */
  able: Reason;
  /** Of the condition ScalingLimited. */
  limited: Reason & { isLimited: boolean };
  /** With the new recommendation. */
  history: History;
}

const READY: Reason = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const DOWN_STABILIZED: Reason = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const UP_STABILIZED: Reason = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
};
const WITHIN_RANGE: Reason = {
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
};
const TOO_MANY: Reason = {
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
};
const TOO_FEW: Reason = {
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
};
const UP_LIMIT: Reason = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
};
const DOWN_LIMIT: Reason = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};

export function normalize(request: Request, history: History): Normalized {
  const stable = request.behavior === undefined ? stabilizeDown(request, history) : stabilize(request, history);
  const isStabilized = stable.replicas !== request.desiredReplicas;
  const wanted = { ...request, desiredReplicas: stable.replicas };
  const limited = request.behavior === undefined ? limitByDefault(wanted) : limitByPolicies(wanted, history);
  return {
    replicas: limited.replicas,
    able: isStabilized ? stable.reason : READY,
    limited: { ...limited.reason, isLimited: limited.replicas !== stable.replicas },
    history: stable.history,
  };
}

interface Stable {
  replicas: number;
  reason: Reason;
  history: History;
}

/** The highest of the last five minutes. */
function stabilizeDown({ desiredReplicas, nowMs }: Request, history: History): Stable {
  const sinceMs = nowMs - DOWNSCALE_SECONDS * 1000;
  const recent = history.recommendations.filter(({ atMs }) => atMs >= sinceMs).map(({ replicas }) => replicas);
  const next = { replicas: desiredReplicas, atMs: nowMs };
  const recommendations = remember(history.recommendations, next, DOWNSCALE_SECONDS);
  const replicas = Math.max(desiredReplicas, ...recent);
  return { replicas, reason: DOWN_STABILIZED, history: { ...history, recommendations } };
}

/** As near to what there is as the highest and the lowest of the windows allow. */
function stabilize({ desiredReplicas, currentReplicas, behavior, nowMs }: Request, history: History): Stable {
  const upSeconds = behavior?.scaleUp?.stabilizationWindowSeconds ?? 0;
  const downSeconds = behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_SECONDS;
  const within = (seconds: number): number[] =>
    history.recommendations.filter(({ atMs }) => atMs > nowMs - seconds * 1000).map(({ replicas }) => replicas);
  const lowest = Math.min(desiredReplicas, ...within(upSeconds));
  const highest = Math.max(desiredReplicas, ...within(downSeconds));
  const next = { replicas: desiredReplicas, atMs: nowMs };
  const recommendations = remember(history.recommendations, next, Math.max(upSeconds, downSeconds));
  return {
    replicas: Math.min(Math.max(currentReplicas, lowest), highest),
    reason: desiredReplicas >= currentReplicas ? UP_STABILIZED : DOWN_STABILIZED,
    history: { ...history, recommendations },
  };
}

interface Limited {
  replicas: number;
  reason: Reason;
}

/** `convertDesiredReplicasWithRules`: at most twice as many, or four. */
function limitByDefault({ currentReplicas, desiredReplicas, minReplicas, maxReplicas }: Request): Limited {
  const upLimit = Math.max(UP_LIMIT_FACTOR * currentReplicas, UP_LIMIT_MINIMUM);
  if (desiredReplicas < minReplicas) return { replicas: minReplicas, reason: TOO_FEW };
  if (desiredReplicas > Math.min(maxReplicas, upLimit))
    return maxReplicas > upLimit
      ? { replicas: upLimit, reason: UP_LIMIT }
      : { replicas: maxReplicas, reason: TOO_MANY };
  return { replicas: desiredReplicas, reason: WITHIN_RANGE };
}

/** `convertDesiredReplicasWithBehaviorRate` */
function limitByPolicies(request: Request, history: History): Limited {
  const { currentReplicas, desiredReplicas, minReplicas, maxReplicas, behavior } = request;
  if (desiredReplicas > currentReplicas) {
    const limit = Math.max(currentReplicas, upLimit(request, history, behavior?.scaleUp));
    const most = Math.min(maxReplicas, limit);
    if (desiredReplicas > most) return { replicas: most, reason: maxReplicas > limit ? UP_LIMIT : TOO_MANY };
  } else if (desiredReplicas < currentReplicas) {
    const limit = Math.min(currentReplicas, downLimit(request, history, behavior?.scaleDown));
    const least = Math.max(minReplicas, limit);
    if (desiredReplicas < least) return { replicas: least, reason: minReplicas < limit ? DOWN_LIMIT : TOO_FEW };
  }
  return { replicas: desiredReplicas, reason: WITHIN_RANGE };
}

/** How many there were when a policy's period began. */
function atStart(
  periodSeconds: number,
  { currentReplicas, nowMs }: Request,
  { ups, downs }: { ups: readonly ScaleEvent[]; downs: readonly ScaleEvent[] },
): number {
  return currentReplicas - changeWithin(ups, periodSeconds, nowMs) + changeWithin(downs, periodSeconds, nowMs);
}

function upLimit(request: Request, history: History, rules: ScalingRules | undefined): number {
  if (rules?.selectPolicy === 'Disabled') return request.currentReplicas;
  const limits = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = atStart(periodSeconds, request, history);
    // Rounded up, so that a few per cent of a few replicas are one more at least.
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules?.selectPolicy === 'Min' ? Math.min(MAX_INT32, ...limits) : Math.max(-MAX_INT32, ...limits);
}

function downLimit(request: Request, history: History, rules: ScalingRules | undefined): number {
  if (rules?.selectPolicy === 'Disabled') return request.currentReplicas;
  const limits = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = atStart(periodSeconds, request, history);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return rules?.selectPolicy === 'Min' ? Math.max(-MAX_INT32, ...limits) : Math.min(MAX_INT32, ...limits);
}

/** After the target was scaled (`storeScaleEvent`). Without policies nobody looks back. */
export function withScaleEvent(
  history: History,
  { behavior, from, to, nowMs }: { behavior: Behavior | undefined; from: number; to: number; nowMs: number },
): History {
  if (behavior === undefined || from === to) return history;
  const longest = (rules: ScalingRules | undefined): number =>
    Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds));
  const event = { change: Math.abs(to - from), atMs: nowMs };
  return to > from
    ? { ...history, ups: remember(history.ups, event, longest(behavior.scaleUp)) }
    : { ...history, downs: remember(history.downs, event, longest(behavior.scaleDown)) };
}
