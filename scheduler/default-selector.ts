/**
 * Which pods belong together with a pod that does not say so itself: those of its Services and of its controller
 * (`plugins/helper/spread.go DefaultSelector`).
 */
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import { replicaSets } from '../api/apps/v1/replica-set.ts';
import type { StatefulSet } from '../api/apps/v1/stateful-set.ts';
import { statefulSets } from '../api/apps/v1/stateful-set.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { ReplicationController } from '../api/core/v1/replication-controller.ts';
import { replicationControllers } from '../api/core/v1/replication-controller.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { Lister } from '../api/machinery/handler.ts';
import { selectorFromMap, selectorFromObject, selectorOf } from '../api/machinery/label-selector.ts';
import type { LabelRequirement, Selector } from '../api/machinery/label-selector.ts';
import { apiVersionOf } from '../api/machinery/resource.ts';
import type { ResourceRef } from '../client/client.ts';
import { controllerOf } from '../client/owner-references.ts';

export interface GroupListers {
  services: Lister<Service>;
  replicationControllers: Lister<ReplicationController>;
  replicaSets: Lister<ReplicaSet>;
  statefulSets: Lister<StatefulSet>;
}

/** `undefined` for a pod that nobody groups. */
export function defaultSelectorOf(pod: Pod, listers: GroupListers): Selector | undefined {
  const namespace = pod.metadata.namespace ?? '';
  const labels: Record<string, string> = {};
  for (const { spec } of listers.services.list({ namespace })) {
    const selector = spec?.selector;
    // Without a selector a Service has no pods, rather than all.
    if (selector && selectorFromMap(selector).matches(pod.metadata.labels)) Object.assign(labels, selector);
  }
  const requirements: LabelRequirement[] = [];
  const owner = controllerOf(pod);
  const isOf = (resource: ResourceRef): boolean =>
    owner?.kind === resource.names.kind && owner.apiVersion === apiVersionOf(resource);
  if (isOf(replicationControllers)) {
    Object.assign(labels, listers.replicationControllers.get(namespace, owner!.name)?.spec.selector);
  } else if (isOf(replicaSets)) {
    requirements.push(...requirementsOf(listers.replicaSets.get(namespace, owner!.name)));
  } else if (isOf(statefulSets)) {
    requirements.push(...requirementsOf(listers.statefulSets.get(namespace, owner!.name)));
  }
  const all = [...selectorFromMap(labels).requirements, ...requirements];
  return all.length === 0 ? undefined : selectorOf(all);
}

function requirementsOf(owner: ReplicaSet | StatefulSet | undefined): readonly LabelRequirement[] {
  return owner === undefined ? [] : selectorFromObject(owner.spec.selector).requirements;
}
