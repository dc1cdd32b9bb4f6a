/** What was recommended and done of late, as far as windows and policies reach back. */
export interface Recommendation {
  replicas: number;
  atMs: number;
}

export interface ScaleEvent {
  /** How many replicas came, or went. */
  change: number;
  atMs: number;
}

/** Of one autoscaler; in memory only, as upstream's. */
export interface History {
  recommendations: readonly Recommendation[];
  ups: readonly ScaleEvent[];
  downs: readonly ScaleEvent[];
}

/** Of an autoscaler that is seen for the first time: what its target has is what was wanted. */
export function newHistory(currentReplicas: number, nowMs: number): History {
  return { recommendations: [{ replicas: currentReplicas, atMs: nowMs }], ups: [], downs: [] };
}

/** Since `periodSeconds` ago. */
export function changeWithin(events: readonly ScaleEvent[], periodSeconds: number, nowMs: number): number {
  const sinceMs = nowMs - periodSeconds * 1000;
  return events.reduce((total, { change, atMs }) => (atMs > sinceMs ? total + change : total), 0);
}

/** Those of the last `seconds`, with one more. */
export function remember<T extends { atMs: number }>(known: readonly T[], one: T, seconds: number): T[] {
  const sinceMs = one.atMs - seconds * 1000;
  return [...known.filter(({ atMs }) => atMs >= sinceMs), one];
}

/**
 * As of now: when the clock was set back, what lay later has just been. (Upstream's times are monotonic, and do not
 * notice.)
 */
export function upTo({ recommendations, ups, downs }: History, nowMs: number): History {
  const clamp = <T extends { atMs: number }>(known: readonly T[]): readonly T[] =>
    known.map((one) => (one.atMs > nowMs ? { ...one, atMs: nowMs } : one));
  return { recommendations: clamp(recommendations), ups: clamp(ups), downs: clamp(downs) };
}
