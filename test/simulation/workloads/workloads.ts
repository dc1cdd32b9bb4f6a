/** The table of workloads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { CustomResourceDefinition } from '../../../api/apiextensions/v1/types.ts';
import type { Workload } from './action.ts';
import { autoscalerWorkload } from './autoscalers.ts';
import { budgetWorkload } from './budgets.ts';
import { canaryWorkload } from './canaries.ts';
import { claimWorkload } from './claims.ts';
import { cronJobWorkload } from './cron-jobs.ts';
import { daemonSetWorkload } from './daemon-sets.ts';
import { deploymentWorkload } from './deployments.ts';
import { jobWorkload } from './jobs.ts';
import { namespaceWorkload } from './namespaces.ts';
import { replicaSetWorkload } from './replica-sets.ts';
import { rolloutWorkload } from './rollouts.ts';
import { statefulSetWorkload } from './stateful-sets.ts';

/** Read once; a run must not wait for files. */
const definitions: readonly CustomResourceDefinition[] = [
  parse(readFileSync(join(import.meta.dirname, '../../../crds/rollouts.yaml'), 'utf8')),
];

export const workloads: readonly Workload[] = [
  deploymentWorkload,
  replicaSetWorkload,
  namespaceWorkload,
  statefulSetWorkload,
  jobWorkload,
  daemonSetWorkload,
  budgetWorkload,
  rolloutWorkload(definitions),
  canaryWorkload(definitions),
  autoscalerWorkload,
  claimWorkload,
  cronJobWorkload,
];
