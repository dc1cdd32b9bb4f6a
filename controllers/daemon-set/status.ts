/** The status that follows from a DaemonSet's nodes and pods (upstream `updateDaemonSetStatus`). Pure. */
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import { isPodReady } from '../pods.ts';
import type { DaemonView } from './plan.ts';
import { byAge, isAvailable, isUpdated } from './plan.ts';

export type DaemonSetStatus = NonNullable<DaemonSet['status']>;

/** Of several pods on a node the first one counts. Conditions and collisions stay as they are. */
export function daemonSetStatus(view: DaemonView): DaemonSetStatus {
  const { set, nodes, podsByNode, placement } = view;
  const wanting = nodes.filter((node) => placement(node).shouldRun);
  const firstPods = wanting.flatMap(({ metadata }) => [...(podsByNode.get(metadata.name!) ?? [])].sort(byAge)[0] ?? []);
  const misplaced = nodes.filter((node) => !placement(node).shouldRun && podsByNode.has(node.metadata.name!));
  const numberAvailable = firstPods.filter((pod) => isAvailable(pod, view)).length;
  const numberUnavailable = wanting.length - numberAvailable;
  const updatedNumberScheduled = firstPods.filter((pod) => isUpdated(pod, view)).length;
  const { generation } = set.metadata;
  const { collisionCount, conditions } = set.status ?? {};
  return {
    currentNumberScheduled: firstPods.length,
    numberMisscheduled: misplaced.length,
    desiredNumberScheduled: wanting.length,
    numberReady: firstPods.filter(isPodReady).length,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(updatedNumberScheduled === 0 ? {} : { updatedNumberScheduled }),
    ...(numberAvailable === 0 ? {} : { numberAvailable }),
    ...(numberUnavailable === 0 ? {} : { numberUnavailable }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}
