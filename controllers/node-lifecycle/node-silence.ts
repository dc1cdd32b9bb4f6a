/**
 * How long a node has been silent, by what its watcher has seen itself (upstream `nodelifecycle`, `nodeHealthData`):
 * times that the node writes are only compared with each other, since its clock is not ours and either may be set.
 */

/** A watcher that could not look for longer, since its process stood still, does not hold it against the node. */
const MAX_STEP_MS = 10_000;

export interface NodeSilence {
  /** The last sign of life. */
  sign: string;
  silentMs: number;
  lookedMs: number;
}

/** After one more look, which found this sign. */
export function listenAgain(previous: NodeSilence | undefined, sign: string, nowMs: number): NodeSilence {
  if (previous === undefined || previous.sign !== sign) return { sign, silentMs: 0, lookedMs: nowMs };
  const passedMs = Math.min(Math.max(0, nowMs - previous.lookedMs), MAX_STEP_MS);
  return { sign, silentMs: previous.silentMs + passedMs, lookedMs: nowMs };
}
