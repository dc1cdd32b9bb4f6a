/** The decision about a Rollout: from what was observed to what is to be done and the status to be written. Pure. */
import { begin } from './begin.ts';
import { planBlueGreen } from './blue-green.ts';
import { planCanary } from './canary.ts';
import type { CheckResult } from './checks.ts';
import { noteResults } from './checks.ts';
import { finishStatus, watchProgress } from './status.ts';
import type { RolloutStatus } from './types.ts';
import { newWork } from './work.ts';
import type { Observed, Plan } from './work.ts';

export interface Decision {
  plan: Plan;
  status: RolloutStatus;
}

/** `results` are of tries that have ended since the last decision. */
export function decide(observed: Observed, results: readonly CheckResult[]): Decision {
  const work = newWork(observed);
  begin(work);
  noteResults(work, results);
  const { blueGreen, canary } = observed.rollout.spec.strategy;
  if (blueGreen !== undefined) planBlueGreen(work, blueGreen);
  else if (canary !== undefined) planCanary(work, canary);
  watchProgress(work);
  return { plan: work.plan, status: finishStatus(work) };
}
