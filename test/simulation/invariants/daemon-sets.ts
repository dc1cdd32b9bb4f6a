/**
 * At rest a DaemonSet has one pod on each node, of its newest template; at any time one, or two where it may surge. With
 * the strategy OnDelete it takes no pod that is well away, whatever its template.
 */
import type { DaemonSet } from '../../../api/apps/v1/daemon-set.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { controllerUid, isActive, isReady } from '../state.ts';
import type { Check, CheckContext, Invariant } from './invariant.ts';

export const daemonSetPods: Invariant = (context) => {
  const { cluster, violated } = context;
  return {
    onChange({ kind, name, object, previous }) {
      if (kind !== 'pods') return;
      if (previous !== undefined) checkKept(object as Pod | undefined, previous as Pod, context);
      const pod = object as Pod | undefined;
      const isNew = pod?.spec.nodeName !== (previous as Pod | undefined)?.spec.nodeName;
      if (pod?.spec.nodeName !== undefined && isNew) checkPlaced(name, pod, context);
    },
    atRest() {
      for (const { metadata, spec, status } of cluster.state.all<DaemonSet>('daemonsets')) {
        const image = spec.template.spec?.containers[0]?.image;
        const owned = cluster.state.ownedBy<Pod>(metadata.uid!, 'Pod').filter(isActive);
        const isOnDelete = spec.updateStrategy?.type === 'OnDelete';
        const good = owned.filter((pod) => isReady(pod) && (isOnDelete || pod.spec.containers[0]?.image === image));
        const nodes = new Set(good.map((pod) => pod.spec.nodeName));
        const wanted = cluster.nodes.length;
        const counts = [owned.length, good.length, nodes.size, status?.numberAvailable ?? 0];
        if (counts.some((count) => count !== wanted))
          violated(`DaemonSet ${metadata.name} came to rest with ${counts.join()} pods on ${wanted} nodes`);
      }
    },
  } satisfies Check;
};

function checkPlaced(name: string, pod: Pod, { cluster, violated }: CheckContext): void {
  const node = pod.spec.nodeName;
  const set = cluster.state.byUid<DaemonSet>(controllerUid(pod) ?? '');
  if (set?.kind !== 'DaemonSet') return;
  const there = cluster.state
    .ownedBy<Pod>(set.metadata.uid!, 'Pod')
    .filter((one) => one.spec.nodeName === node && isActive(one) && !cluster.isUnknown(one));
  const most = set.spec.updateStrategy?.rollingUpdate?.maxSurge === 1 ? 2 : 1;
  if (there.length > most) violated(`${name} is pod number ${there.length} of its DaemonSet on ${node}`);
}

function checkKept(pod: Pod | undefined, before: Pod, { cluster, violated }: CheckContext): void {
  const isLeaving = pod === undefined || pod.metadata.deletionTimestamp !== undefined;
  if (!isLeaving || !isActive(before) || !isReady(before)) return;
  const set = cluster.state.byUid<DaemonSet>(controllerUid(before) ?? '');
  if (set?.kind !== 'DaemonSet' || set.spec.updateStrategy?.type !== 'OnDelete') return;
  const { namespace, name } = before.metadata;
  const deleter = cluster.deleterOf(`/api/v1/namespaces/${namespace}/pods/${name}`);
  const others = cluster.state
    .ownedBy<Pod>(set.metadata.uid!, 'Pod')
    .filter((one) => one.spec.nodeName === before.spec.nodeName && one.metadata.uid !== before.metadata.uid);
  if (deleter === 'daemon-set-controller' && others.length === 0)
    violated(`${name} was well, and taken away though its DaemonSet waits for its users to do that`);
}
