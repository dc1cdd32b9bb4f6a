/** At rest a DaemonSet has one pod on each node, of its newest template; at any time one, or two where it may surge. */
import type { DaemonSet } from '../../../api/apps/v1/daemon-set.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { controllerUid, isActive, isReady } from '../state.ts';
import type { Check, Invariant } from './invariant.ts';

export const daemonSetPods: Invariant = ({ cluster, violated }) =>
  ({
    onChange({ kind, name, object, previous }) {
      if (kind !== 'pods' || object === undefined) return;
      const node = (object as Pod).spec.nodeName ?? '';
      if (node === '' || (previous as Pod | undefined)?.spec.nodeName === node) return;
      const set = cluster.state.byUid<DaemonSet>(controllerUid(object) ?? '');
      if (set?.kind !== 'DaemonSet') return;
      const there = cluster.state
        .ownedBy<Pod>(set.metadata.uid!, 'Pod')
        .filter((pod) => pod.spec.nodeName === node && isActive(pod) && !cluster.isUnknown(pod));
      const most = set.spec.updateStrategy?.rollingUpdate?.maxSurge === 1 ? 2 : 1;
      if (there.length > most) violated(`${name} is pod number ${there.length} of its DaemonSet on ${node}`);
    },
    atRest() {
      for (const { metadata, spec, status } of cluster.state.all<DaemonSet>('daemonsets')) {
        const image = spec.template.spec?.containers[0]?.image;
        const owned = cluster.state.ownedBy<Pod>(metadata.uid!, 'Pod').filter(isActive);
        const good = owned.filter((pod) => isReady(pod) && pod.spec.containers[0]?.image === image);
        const nodes = new Set(good.map((pod) => pod.spec.nodeName));
        const wanted = cluster.nodes.length;
        const counts = [owned.length, good.length, nodes.size, status?.numberAvailable ?? 0];
        if (counts.some((count) => count !== wanted))
          violated(`DaemonSet ${metadata.name} came to rest with ${counts.join()} pods on ${wanted} nodes`);
      }
    },
  }) satisfies Check;
