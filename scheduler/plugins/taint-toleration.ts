/**
 * TaintToleration: no pod on a node with a hard taint that it does not tolerate; the fewer untolerated soft taints,
 * the better (`plugins/tainttoleration/taint_toleration.go`).
 */
import type { Node, Taint } from '../../api/core/v1/node.ts';
import type { Pod, Toleration } from '../../api/core/v1/pod.ts';
import { stateKey } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import { normalizeByMaximum } from '../normalize.ts';
import { toleratesAll, toleratesAny } from '../tolerations.ts';

const REJECTION: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ['node(s) had untolerated taint(s)'],
};

const SOFT_TOLERATIONS = stateKey<readonly Toleration[]>('tolerations of PreferNoSchedule');

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  events: ['NodeAdd', 'NodeUpdateTaint', 'PodUpdateToleration'],
  queueingHint({ pod }, event) {
    if (event.name === 'NodeAdd') return fits(pod, event.node);
    if (event.name === 'NodeUpdateTaint') return fits(pod, event.node) && !fits(pod, event.previous);
    return true;
  },
  filter({ pod }, { hardTaints }) {
    return hardTaints.length === 0 || toleratesAll(pod.spec.tolerations, hardTaints) ? undefined : REJECTION;
  },
  preScore({ pod, state }) {
    const all = pod.spec.tolerations ?? [];
    state.write(
      SOFT_TOLERATIONS,
      all.filter(({ effect }) => !effect || effect === 'PreferNoSchedule'),
    );
    return undefined;
  },
  score({ state }, { softTaints }) {
    // Asked for every node, of which few have any.
    if (softTaints.length === 0) return 0;
    const tolerations = state.get(SOFT_TOLERATIONS);
    return softTaints.filter((taint) => !toleratesAny(tolerations, taint)).length;
  },
  normalizeScore: (_cycle, scores) => normalizeByMaximum(scores, true),
};

function fits(pod: Pod, { spec }: Node): boolean {
  return toleratesAll(pod.spec.tolerations, (spec.taints ?? []).filter(isHard));
}

function isHard({ effect }: Taint): boolean {
  return effect === 'NoSchedule' || effect === 'NoExecute';
}
