/** The table of workloads. */
import type { Workload } from './action.ts';
import { deploymentWorkload } from './deployments.ts';
import { namespaceWorkload } from './namespaces.ts';
import { replicaSetWorkload } from './replica-sets.ts';

export const workloads: readonly Workload[] = [deploymentWorkload, replicaSetWorkload, namespaceWorkload];
