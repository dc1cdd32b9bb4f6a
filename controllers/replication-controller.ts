/** ReplicationController: a ReplicaSet of older days, and run as one (upstream `pkg/controller/replication`). */
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import type { ReplicationController } from '../api/core/v1/replication-controller.ts';
import { replicationControllers } from '../api/core/v1/replication-controller.ts';
import { replicaController } from './replica-set.ts';

export const replicationController = replicaController<ReplicationController>({
  name: 'replication-controller',
  resource: replicationControllers,
  read: readAsReplicaSet,
  write: writeReplicaSet,
});

/** Its selector is a bare map of labels. */
export function readAsReplicaSet({ spec, ...rest }: ReplicationController): ReplicaSet {
  const { selector, ...others } = spec;
  const template = spec.template ?? { spec: { containers: [] } };
  return { ...rest, spec: { ...others, template, selector: { matchLabels: selector ?? {} } } };
}

/** Its status does not count terminating pods. */
export function writeReplicaSet({ spec, status, ...rest }: ReplicaSet): ReplicationController {
  const { terminatingReplicas: _, ...counts } = status ?? { replicas: 0 };
  return { ...rest, spec: { ...spec, selector: spec.selector.matchLabels ?? {} }, status: counts };
}
