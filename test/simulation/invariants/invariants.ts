/** The table of invariants. */
import { atRest } from './at-rest.ts';
import { autoscalers } from './autoscalers.ts';
import { budgets } from './budgets.ts';
import { canaries } from './canaries.ts';
import { claims } from './claims.ts';
import { collection } from './collection.ts';
import { cronJobRuns } from './cron-jobs.ts';
import { daemonSetPods } from './daemon-sets.ts';
import { deploymentBounds } from './deployment-bounds.ts';
import { endpointSliceContents } from './endpoint-slices.ts';
import type { Invariant } from './invariant.ts';
import { jobCounts } from './jobs.ts';
import { nodeLoss } from './node-loss.ts';
import { placement } from './placement.ts';
import { quotas } from './quotas.ts';
import { replicaCount } from './replica-count.ts';
import { blueGreen } from './rollouts.ts';
import { statefulSetIdentities } from './stateful-sets.ts';

export const invariants: readonly Invariant[] = [
  placement,
  nodeLoss,
  collection,
  replicaCount,
  deploymentBounds,
  endpointSliceContents,
  quotas,
  statefulSetIdentities,
  jobCounts,
  daemonSetPods,
  budgets,
  blueGreen,
  canaries,
  autoscalers,
  claims,
  cronJobRuns,
  atRest,
];
