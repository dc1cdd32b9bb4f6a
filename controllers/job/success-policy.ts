/** Whether enough indexes have succeeded for a Job's `successPolicy` (upstream `pkg/controller/job/success_policy.go`). */
import type { JobSpec } from '../../api/batch/v1/job.ts';
import { countCommon, countOf, parseIntervals } from './intervals.ts';
import type { Intervals } from './intervals.ts';

/** The message of the condition that follows; undefined while no rule is met. */
export function matchSuccessPolicy(
  { successPolicy, completions = 0 }: JobSpec,
  succeeded: Intervals,
): string | undefined {
  if (successPolicy === undefined || succeeded.length === 0) return undefined;
  const met = successPolicy.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && countOf(succeeded) >= succeededCount;
    const wanted = parseIntervals(succeededIndexes, completions);
    if (wanted.length === 0) return false;
    const have = countCommon(wanted, succeeded);
    return have === countOf(wanted) || (succeededCount !== undefined && have >= succeededCount);
  });
  return met < 0 ? undefined : `Matched rules at index ${met}`;
}
