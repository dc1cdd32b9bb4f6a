/** When nothing has befallen the cluster for long, everything is as it was asked for. */
import type { Deployment } from '../../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../../api/apps/v1/replica-set.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { ClusterState } from '../state.ts';
import { isActive, isReady } from '../state.ts';
import type { Invariant } from './invariant.ts';

export const atRest: Invariant = ({ cluster, violated }) => ({
  atRest() {
    const { state } = cluster;
    for (const set of state.all<ReplicaSet>('replicasets'))
      for (const problem of setProblems(set, state)) violated(problem);
    for (const deployment of state.all<Deployment>('deployments'))
      for (const problem of deploymentProblems(deployment)) violated(problem);
    for (const kind of state.kinds()) {
      for (const object of state.all(kind))
        for (const problem of deletionProblems(kind, object, state)) violated(problem);
    }
    for (const { name, machine } of cluster.nodes) {
      for (const { uid, state: its, name: pod } of machine.all()) {
        if (its !== 'exited' && state.byUid(uid) === undefined) violated(`${pod} still runs on ${name}`);
      }
    }
  },
});

function setProblems({ metadata, spec, status }: ReplicaSet, state: ClusterState): string[] {
  const wanted = spec.replicas ?? 1;
  const active = state.ownedBy<Pod>(metadata.uid!, 'Pod').filter(isActive);
  const ready = active.filter(isReady).length;
  const found = {
    active: active.length,
    replicas: status?.replicas ?? 0,
    ready,
    readyReplicas: status?.readyReplicas ?? 0,
  };
  const isRight =
    Object.values(found).every((count) => count === wanted) && status?.observedGeneration === metadata.generation;
  return isRight ? [] : [`ReplicaSet ${metadata.name} of ${wanted} came to rest at ${JSON.stringify(found)}`];
}

function deploymentProblems({ metadata, spec, status = {} }: Deployment): string[] {
  const wanted = spec.replicas ?? 1;
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0, observedGeneration } = status;
  const found = { replicas, updatedReplicas, readyReplicas, availableReplicas };
  const isRight = Object.values(found).every((count) => count === wanted) && observedGeneration === metadata.generation;
  return isRight ? [] : [`Deployment ${metadata.name} of ${wanted} came to rest at ${JSON.stringify(found)}`];
}

function deletionProblems(kind: string, { metadata }: ApiObject, state: ClusterState): string[] {
  const { name, namespace, deletionTimestamp, ownerReferences = [] } = metadata;
  const problems: string[] = [];
  if (namespace !== undefined && namespace !== '' && state.get('namespaces', namespace) === undefined)
    problems.push(`${kind} ${namespace}/${name} has outlived its namespace`);
  if (deletionTimestamp !== undefined) problems.push(`${kind} ${namespace}/${name} does not go`);
  if (ownerReferences.length > 0 && ownerReferences.every(({ uid }) => state.byUid(uid) === undefined))
    problems.push(`${kind} ${namespace}/${name} has outlived its owners`);
  return problems;
}
