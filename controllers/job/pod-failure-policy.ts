/** What a Job's `podFailurePolicy` says of a failed pod (upstream `pkg/controller/job/pod_failure_policy.go`). */
import type { JobSpec } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';

type Policy = JobSpec['podFailurePolicy'];
type Rule = NonNullable<Policy>['rules'][number];
type ExitCodes = NonNullable<Rule['onExitCodes']>;
type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

export interface PolicyMatch {
  /** Undefined when no rule matches. */
  action?: 'FailJob' | 'FailIndex' | 'Ignore' | 'Count';
  /** Why the whole Job fails; only of `FailJob`. */
  message?: string;
}

/** The first rule that matches decides. */
export function matchFailurePolicy(policy: Policy, pod: Pod): PolicyMatch {
  for (const [i, rule] of (policy?.rules ?? []).entries()) {
    const cause = causeOf(rule, pod);
    if (cause === undefined) continue;
    const action = rule.action as NonNullable<PolicyMatch['action']>;
    if (action !== 'FailJob') return { action };
    return { action, message: `${cause} matching FailJob rule at index ${i}` };
  }
  return {};
}

/** Whether the failure counts towards the backoff limits. */
export function countsAsFailure(policy: Policy, pod: Pod): boolean {
  return policy === undefined || matchFailurePolicy(policy, pod).action !== 'Ignore';
}

function causeOf({ onExitCodes, onPodConditions }: Rule, { metadata, status }: Pod): string | undefined {
  const name = `${metadata.namespace}/${metadata.name}`;
  if (onExitCodes) {
    const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
    const failed = statuses.find((container) => matchesExitCodes(container, onExitCodes));
    if (failed === undefined) return undefined;
    return `Container ${failed.name} for pod ${name} failed with exit code ${failed.state?.terminated?.exitCode}`;
  }
  const condition = (status?.conditions ?? []).find((one) =>
    (onPodConditions ?? []).some((pattern) => pattern.type === one.type && pattern.status === one.status),
  );
  return condition === undefined ? undefined : `Pod ${name} has condition ${condition.type}`;
}

function matchesExitCodes({ name, state }: ContainerStatus, { containerName, operator, values }: ExitCodes): boolean {
  const exitCode = state?.terminated?.exitCode;
  if (exitCode === undefined || exitCode === 0) return false;
  if (containerName !== undefined && containerName !== name) return false;
  return values.includes(exitCode) === (operator === 'In');
}
