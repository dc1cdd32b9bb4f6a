/** Seeds that have found bugs, and what those were. */
export const regressions: readonly { seed: number; workloads: readonly string[]; bug: string }[] = [
  {
    seed: 51,
    workloads: ['deployments', 'replica-sets'],
    bug: 'a Deployment sized its old sets by a status that counted pods that were going',
  },
  {
    seed: 2,
    workloads: ['namespaces'],
    bug: 'a quota was lowered by a cache that had not seen what admission had charged',
  },
  {
    seed: 149,
    workloads: ['daemon-sets', 'budgets', 'rollouts'],
    bug: 'a blue-green Rollout brought up its second version before its Service named the first',
  },
];
