/** On which node pods have to go (`framework/preemption/preemption.go pickOneNodeForPreemption`). */
import { startOf } from './default-preemption-victims.ts';
import type { Candidate } from './default-preemption-victims.ts';

const LOWEST_PRIORITY = 2 ** 31;

/** The lower the better; a later one decides between those that are equal in all before it. */
const COSTS: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => violations,
  ({ victims }) => victims[0]!.priority,
  // Moved above zero: else one pod of a negative priority would count more than two.
  ({ victims }) => victims.reduce((sum, { priority }) => sum + priority + LOWEST_PRIORITY, 0),
  ({ victims }) => victims.length,
  // Of the most important victims, the one that has run longest: the shorter the better.
  (candidate) => -earliestStart(candidate),
];

/** The first of the best; of at least one. */
export function chooseCandidate(candidates: readonly Candidate[]): Candidate {
  let best = candidates[0]!;
  for (const candidate of candidates) if (isBetter(candidate, best)) best = candidate;
  return best;
}

function isBetter(candidate: Candidate, best: Candidate): boolean {
  for (const costOf of COSTS) {
    const difference = costOf(candidate) - costOf(best);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function earliestStart({ victims }: Candidate): number {
  const highest = victims[0]!.priority;
  return Math.min(...victims.filter(({ priority }) => priority === highest).map(startOf));
}
