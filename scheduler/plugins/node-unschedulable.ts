/** NodeUnschedulable: keeps pods off cordoned nodes (`plugins/nodeunschedulable/node_unschedulable.go`). */
import type { Node, Taint } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Plugin, Rejection } from '../framework.ts';
import { toleratesAny } from '../tolerations.ts';

const REJECTION: Rejection = { code: 'UnschedulableAndUnresolvable', reasons: ['node(s) were unschedulable'] };
const CORDON: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  events: ['NodeAdd', 'NodeUpdateTaint', 'PodUpdateToleration'],
  queueingHint({ pod }, event) {
    if (event.name === 'NodeAdd') return fits(pod, event.node);
    if (event.name === 'NodeUpdateTaint') return fits(pod, event.node) && !fits(pod, event.previous);
    return toleratesCordon(pod);
  },
  // Asked for every node: the node's object is far away.
  filter: ({ pod }, { isUnschedulable }) => (isUnschedulable && !toleratesCordon(pod) ? REJECTION : undefined),
};

function fits(pod: Pod, { spec }: Node): boolean {
  return spec.unschedulable !== true || toleratesCordon(pod);
}

function toleratesCordon({ spec }: Pod): boolean {
  return toleratesAny(spec.tolerations, CORDON);
}
