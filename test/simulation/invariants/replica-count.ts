/**
 * A ReplicaSet creates no pod beyond what it was asked for. Promised to whom it knows: pods whose creation was answered
 * to a controller that is still there. (An answer that is lost, or that nobody is there to take, is a pod that the next
 * reconcile cannot know of before its watch tells it.)
 */
import type { ReplicaSet } from '../../../api/apps/v1/replica-set.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { controllerUid, isActive } from '../state.ts';
import type { Invariant } from './invariant.ts';
import { Recent } from './recent.ts';

export const replicaCount: Invariant = ({ cluster, violated }) => {
  const wanted = new Map<string, Recent<number>>();
  return {
    onChange({ kind, name, object, previous }) {
      const nowMs = cluster.time.elapsedMs;
      if (kind === 'replicasets' && object !== undefined) {
        const { metadata, spec } = object as ReplicaSet;
        const recent = wanted.get(metadata.uid!) ?? new Recent<number>();
        recent.set(spec.replicas ?? 1, nowMs);
        wanted.set(metadata.uid!, recent);
      }
      if (kind !== 'pods' || object === undefined || previous !== undefined) return;
      const owner = controllerUid(object) ?? '';
      const recent = wanted.get(owner);
      if (recent === undefined) return;
      const known = cluster.state.ownedBy<Pod>(owner, 'Pod').filter((pod) => isActive(pod) && !cluster.isUnknown(pod));
      const most = Math.max(...recent.within(nowMs));
      if (known.length > most) violated(`${name} is pod number ${known.length} of a ReplicaSet of ${most}`);
    },
  };
};
