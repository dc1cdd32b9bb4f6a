/**
 * Where the kubelet of `crashing-node.ts` is killed. Every effect that it has on the machine or on the API passes here,
 * so that a crash at any await of its own leaves what a crash before or during one of these effects leaves.
 */
export type CrashMode = 'before' | 'during';

export interface CrashPlan {
  /** The effect at which to crash, counted from the moment this plan comes. */
  index: number;
  mode: CrashMode;
}

interface Progress {
  plan: CrashPlan | undefined;
  labels: string[] | undefined;
}

const progress: Progress = { plan: undefined, labels: undefined };

/** Begins to count; without a plan, to write down. */
export function arm(plan: CrashPlan | undefined): void {
  progress.plan = plan;
  progress.labels = [];
}

/** What happened since `arm`. */
export function effectsSeen(): readonly string[] {
  return progress.labels ?? [];
}

/** Calls `act`, unless it is this effect's turn to be the last thing that this process begins. */
export function effect<T>(label: string, act: () => T): T {
  const { plan, labels } = progress;
  if (labels === undefined) return act();
  const isTurn = plan !== undefined && labels.length === plan.index;
  labels.push(label);
  if (!isTurn) return act();
  if (plan.mode === 'before') die();
  const begun = act();
  die();
  return begun;
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
  // The signal comes at the latest when this thread enters the kernel again.
  for (;;) process.hrtime.bigint();
}
