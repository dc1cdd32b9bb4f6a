/**
 * How tries of a probe add up to a verdict (upstream `pkg/kubelet/prober/worker.go`): a pure state machine for one
 * probe of one container.
 */
import type { Probe } from '../../api/core/v1/pod/types.ts';

export type ProbeType = 'startup' | 'readiness' | 'liveness';
export type Verdict = 'success' | 'failure' | 'unknown';

export interface ProbeState {
  /** The container that the verdict is of. */
  containerId: string;
  verdict: Verdict;
  /** How many tries in a row came to `last`. */
  run: number;
  last: 'success' | 'failure' | undefined;
  /** The container is about to be killed: no tries until there is a new one. */
  onHold: boolean;
}

const INITIAL: Readonly<Record<ProbeType, Verdict>> = { startup: 'unknown', readiness: 'failure', liveness: 'success' };

/** For a container that has just started. */
export function initialProbeState(type: ProbeType, containerId: string): ProbeState {
  return { containerId, verdict: INITIAL[type], run: 0, last: undefined, onHold: false };
}

/** Takes in one try. The verdict changes once as many tries in a row agree as the probe's threshold says. */
export function nextProbeState(
  state: ProbeState,
  { type, probe, result }: { type: ProbeType; probe: Probe; result: 'success' | 'failure' },
): ProbeState {
  const run = state.last === result ? state.run + 1 : 1;
  const threshold = result === 'success' ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  if (run < threshold) return { ...state, run, last: result };
  const isOver = result === 'failure' ? type !== 'readiness' : type === 'startup';
  // After a verdict that ends the container, counting begins anew with the next one.
  return { ...state, verdict: result, run: isOver ? 0 : run, last: result, onHold: isOver && result === 'failure' };
}
